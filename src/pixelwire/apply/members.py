"""The members of one table of a file, each by its check; every problem is kept. Knows no table's meaning."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from msgspec import UNSET, UnsetType

from pixelwire.apply.declared import Place
from pixelwire.catalog.checks import check_event_rules, check_write_key

Check = Callable[[Any], Any]


class Members:
    """Of a table that is read: `take` each, then `finish`."""

    def __init__(self, table: dict[str, Any], place: Place, problems: list[str]) -> None:
        self.wrong: set[str] = set()
        self.place = place
        self._table = table
        self._problems = problems
        self._known: list[str] = []

    def take(self, name: str, check: Check) -> Any | UnsetType:
        """The member as its check leaves it; UNSET when it is not there, or is not right."""
        self._known.append(name)
        if name not in self._table:
            return UNSET
        try:
            return check(self._table[name])
        except ValueError as exc:
            self.problem(name, str(exc))
            return UNSET

    def problem(self, name: str, text: str) -> None:
        """`name` may go on behind a dot."""
        self.wrong.add(name.partition(".")[0])
        self._problems.append(f"{self.place}: {name}: {text}")

    def finish(self) -> None:
        """What nobody took is not known."""
        for name in self._table:
            if name not in self._known:
                self._problems.append(f"{self.place}: {name}: {unknown(name, self._known)}")


def unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return (
        f"is not known here; did you mean `{near[0]}`?" if near else f"is not known here ({', '.join(known)})"
    )


def a_text(check: Callable[[str], str]) -> Check:
    """A check for a text."""

    def checked(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        return check(value)

    return checked


def a_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def a_table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return value


def tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError("must be a list of tables")
    return value


def texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError("must be a list of texts")
    return value


def write_keys(value: Any) -> list[str]:
    keys = [check_write_key(key) for key in texts(value)]
    if len(set(keys)) != len(keys):
        raise ValueError("one stands there twice")
    return keys


def event_rules(value: Any) -> dict[str, str | None]:
    """TOML has no null: an event that counts as nothing has an empty text."""
    rules = {name: signal or None for name, signal in a_table(value).items()}
    if not all(signal is None or isinstance(signal, str) for signal in rules.values()):
        raise ValueError('each must be a signal, or "" for none')
    return check_event_rules(rules)


def chosen_pixels(value: Any) -> list[str] | None:
    if value == "all":
        return None
    if not value:
        raise ValueError('must be names of pixels, or "all"')
    return texts(value)
