"""Transforms that move members of a payload or change their number: rename, remove, set, flatten."""

import copy
from typing import Any, ClassVar, Final

from pixelwire.limits import ROUTED_BYTES_MAX
from pixelwire.routing.declaration import Problems
from pixelwire.routing.paths import MISSING, Path, parse_changeable
from pixelwire.routing.payload import KEPT, Object, RouteFailed
from pixelwire.routing.work import Work

SEPARATOR: Final = "_"
SEPARATOR_CHARACTERS_MAX: Final = 8


class Rename:
    """Members to other places, all at once: two can change places."""

    verb: ClassVar = "rename"

    def __init__(self, moves: list[tuple[Path, Path]]) -> None:
        self._moves = moves

    def apply(self, work: Work) -> str:
        taken = [(_taken(work.payload, source), target) for source, target in self._moves]
        for value, target in taken:
            if value is not MISSING:
                target.put(work.payload, value)
        return ""


class Remove:
    verb: ClassVar = "remove"

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def apply(self, work: Work) -> str:
        for path in self._paths:
            if (place := path.place(work.payload)) is not None:
                place.remove()
        return ""


class Set:
    """Values of the owner's own, whether something is there or not."""

    verb: ClassVar = "set"

    def __init__(self, values: list[tuple[Path, object]]) -> None:
        self._values = values

    def apply(self, work: Work) -> str:
        for path, value in self._values:
            path.put(work.payload, copy.deepcopy(value))  # a later step may change what is in it
        return ""


class Flatten:
    """What is inside the objects of one object comes up into it: `a: {b: 1}` becomes `a_b: 1`."""

    verb: ClassVar = "flatten"

    def __init__(self, path: Path | None, separator: str, has_arrays: bool) -> None:
        self._path = path  # None: the payload itself
        self._separator = separator
        self._has_arrays = has_arrays

    def apply(self, work: Work) -> str:
        if self._path is None:
            kept = {name: work.payload[name] for name in KEPT if name in work.payload}
            rest = {name: value for name, value in work.payload.items() if name not in KEPT}
            work.payload = self._flat(rest) | kept
        elif (place := self._path.place(work.payload)) is not None and self._is_opened(place.value):
            place.put(self._flat(place.value))
        return ""

    def _is_opened(self, value: object) -> bool:
        """An empty one stays: it would vanish."""
        return bool(value) and isinstance(value, (dict, list) if self._has_arrays else dict)

    def _flat(self, top: Any) -> Object:
        """Of two that get one name, the later one stays (wire.md 1.2)."""
        flat: Object = {}
        room = ROUTED_BYTES_MAX  # a long name above many members would be repeated in each of them
        left = [("", top)]
        while left:
            name, value = left.pop()
            if value is top or self._is_opened(value):
                inner = value.items() if isinstance(value, dict) else enumerate(value)
                start = f"{name}{self._separator}" if value is not top else ""
                left.extend([(f"{start}{key}", one) for key, one in inner][::-1])
                continue
            room -= len(name)
            if room < 0:
                raise RouteFailed("flatten makes the payload too large")
            flat[name] = value
        return flat


def parse_rename(given: Any, place: str, problems: Problems) -> Rename:
    moves = []
    for source, target in _pairs(given, place, problems):
        paths = (
            problems.take(place, parse_changeable, source),
            problems.take(place, parse_changeable, target),
        )
        if paths[0] is not None and paths[1] is not None:
            moves.append((paths[0], paths[1]))
    return Rename(moves)


def parse_remove(given: Any, place: str, problems: Problems) -> Remove:
    return Remove(parse_changeable_paths(given, place, problems))


def parse_set(given: Any, place: str, problems: Problems) -> Set:
    values = []
    for text, value in _pairs(given, place, problems):
        path = problems.take(place, parse_changeable, text)
        if path is not None:
            values.append((path, value))
    return Set(values)


def parse_flatten(given: Any, place: str, problems: Problems) -> Flatten:
    table = problems.table(place, given, ("path", "separator", "arrays"))
    path = problems.take(place, parse_changeable, table["path"]) if "path" in table else None
    separator = problems.take(f"{place} separator", _separator, table.get("separator", SEPARATOR))
    has_arrays = table.get("arrays", False)
    if not isinstance(has_arrays, bool):
        problems.add(f"{place} arrays", "must be true or false")
    return Flatten(path, separator or SEPARATOR, has_arrays is True)


def parse_changeable_paths(given: Any, place: str, problems: Problems) -> list[Path]:
    """A list of one path or more."""
    if not isinstance(given, list) or not given:
        problems.add(place, "must be a list of paths, with one at least")
        return []
    paths = [problems.take(place, parse_changeable, text) for text in given]
    return [path for path in paths if path is not None]


def _pairs(given: Any, place: str, problems: Problems) -> list[tuple[Any, Any]]:
    if not isinstance(given, dict) or not given:
        problems.add(place, "must be a table of paths, with one at least")
        return []
    return list(given.items())


def _taken(payload: Object, path: Path) -> object:
    place = path.place(payload)
    if place is None:
        return MISSING
    value = place.value
    place.remove()
    return value


def _separator(given: Any) -> str:
    """Without letters and digits no name can be made that stands for something else, such as `type`."""
    is_short = isinstance(given, str) and 1 <= len(given) <= SEPARATOR_CHARACTERS_MAX
    if not is_short or not given.isprintable() or any(letter.isalnum() for letter in given):
        raise ValueError(f"must be 1 to {SEPARATOR_CHARACTERS_MAX} characters, none a letter or a digit")
    return str(given)
