"""Transforms that change values where they are: cast, hash, mask."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from pixelwire.routing.casts import CASTS
from pixelwire.routing.declaration import Problems, one_of
from pixelwire.routing.disguise import KINDS, every_text, hashed, masked
from pixelwire.routing.members import parse_changeable_paths
from pixelwire.routing.paths import Path, parse_changeable
from pixelwire.routing.work import Work

KEPT_CHARACTERS_MAX = 64


class Cast:
    """Text to what it means. What it can not mean stays as it is, and is counted."""

    verb: ClassVar = "cast"

    def __init__(self, casts: list[tuple[Path, Callable[[object], object]]]) -> None:
        self._casts = casts

    def apply(self, work: Work) -> str:
        for path, cast in self._casts:
            place = path.place(work.payload)
            if place is None or place.value is None:
                continue
            value = cast(place.value)
            if value is None:
                work.failed_casts += 1
            else:
                place.put(value)
        return ""


class _Disguise:
    def __init__(self, paths: list[Path], change: Callable[[str], str]) -> None:
        self._paths = paths
        self._change = change

    def apply(self, work: Work) -> str:
        for path in self._paths:
            if (place := path.place(work.payload)) is not None:
                place.put(every_text(place.value, self._change))
        return ""


class Hash(_Disguise):
    verb: ClassVar = "hash"


class Mask(_Disguise):
    verb: ClassVar = "mask"


def parse_cast(given: Any, place: str, problems: Problems) -> Cast:
    if not isinstance(given, dict) or not given:
        problems.add(place, "must be a table of paths, with one at least")
        return Cast([])
    casts = []
    for text, kind in given.items():
        path = problems.take(place, parse_changeable, text)
        word = problems.take(f"{place} {text}", one_of(CASTS), kind)
        if path is not None and word is not None:
            casts.append((path, CASTS[word]))
    return Cast(casts)


def parse_hash(given: Any, place: str, problems: Problems) -> Hash:
    table = problems.table(place, given, ("paths", "kind"))
    paths = parse_changeable_paths(table.get("paths"), f"{place} paths", problems)
    kind = problems.take(f"{place} kind", one_of(KINDS), table.get("kind", "text"))
    return Hash(paths, partial(hashed, kind=kind or "text"))


def parse_mask(given: Any, place: str, problems: Problems) -> Mask:
    table = problems.table(place, given, ("paths", "keep_first", "keep_last"))
    paths = parse_changeable_paths(table.get("paths"), f"{place} paths", problems)
    first, last = (
        problems.take(f"{place} {word}", _count, table.get(word, 0)) or 0
        for word in ("keep_first", "keep_last")
    )
    return Mask(paths, partial(masked, keep_first=first, keep_last=last))


def _count(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= KEPT_CHARACTERS_MAX:
        raise ValueError(f"must be a number of characters, 0 to {KEPT_CHARACTERS_MAX}")
    return given
