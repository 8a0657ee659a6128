"""One condition on a member of a payload. Values of a pixel are text, so text that is a number or a boolean
counts as one. Knows no event beside its payload."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from pixelwire.routing.casts import as_boolean, as_number
from pixelwire.routing.declaration import Problems
from pixelwire.routing.paths import MISSING, Path, parse_path
from pixelwire.routing.payload import Object

Test: TypeAlias = Callable[[object], bool]


class Condition(NamedTuple):
    path: Path
    test: Test

    def holds(self, payload: Object) -> bool:
        found = self.path.find(payload)
        return self.test(None if found is MISSING else found)  # null says as little as what is not there


def parse_condition(given: Any, place: str, problems: Problems) -> Condition | None:
    """None, and problems, when it is not valid."""
    table = problems.table(place, given, ("path", *TESTS))
    path = problems.take(place, parse_path, table["path"]) if "path" in table else None
    if "path" not in table:
        problems.add(place, "path is required")
    tests = [name for name in table if name != "path"]
    if len(tests) != 1:
        problems.add(place, f"needs one of {', '.join(TESTS)}; it has {len(tests)}")
        return None
    test = problems.take(f"{place} ({tests[0]})", TESTS[tests[0]], table[tests[0]])
    return Condition(path, test) if path is not None and test is not None else None


def _is(wanted: Any) -> Test:
    """Numbers and booleans are compared as such; text as it is, with upper and lower case."""
    if isinstance(wanted, bool):
        return lambda found: as_boolean(found) is wanted
    if isinstance(wanted, int | float):
        number = _number(wanted)
        return lambda found: as_number(found) == number
    if not isinstance(wanted, str):
        raise ValueError("must be text, a number or a boolean")
    return lambda found: _text(found) == wanted


def _is_not(wanted: Any) -> Test:
    same = _is(wanted)
    return lambda found: not same(found)


def _in(wanted: Any) -> Test:
    if not isinstance(wanted, list) or not wanted:
        raise ValueError("must be a list with one value at least")
    tests = [_is(one) for one in wanted]
    return lambda found: any(test(found) for test in tests)


def _not_in(wanted: Any) -> Test:
    among = _in(wanted)
    return lambda found: not among(found)


def _exists(wanted: Any) -> Test:
    if not isinstance(wanted, bool):
        raise ValueError("must be true or false")
    return lambda found: (found is not None) is wanted


def _contains(wanted: Any) -> Test:
    part = _part(wanted)
    return lambda found: part in (_text(found) or "")


def _starts_with(wanted: Any) -> Test:
    part = _part(wanted)
    return lambda found: (_text(found) or "").startswith(part)


def _at_least(wanted: Any) -> Test:
    bound = _number(wanted)
    return lambda found: (number := as_number(found)) is not None and number >= bound


def _at_most(wanted: Any) -> Test:
    bound = _number(wanted)
    return lambda found: (number := as_number(found)) is not None and number <= bound


TESTS: Final[dict[str, Callable[[Any], Test]]] = {
    "is": _is,
    "is_not": _is_not,
    "in": _in,
    "not_in": _not_in,
    "exists": _exists,
    "contains": _contains,
    "starts_with": _starts_with,
    "at_least": _at_least,
    "at_most": _at_most,
}


def _text(found: object) -> str | None:
    """A value as its text; None for what has none."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool | int | float):
        return msgspec.json.encode(found).decode()
    return None


def _part(wanted: Any) -> str:
    if not isinstance(wanted, str) or not wanted:
        raise ValueError("must be text")
    return wanted


def _number(wanted: Any) -> int | float:
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        raise ValueError("must be a number")
    return wanted
