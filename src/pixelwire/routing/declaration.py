"""Reads what an owner declared, and names every problem at once. Knows no filter and no transform."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import msgspec

Value = TypeVar("Value")

SHOWN_CHARACTERS_MAX: Final = 64
DECLARED_BYTES_MAX: Final = 65_536


class Problems:
    """What is wrong, each as `place: text`."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, place: str, text: str) -> None:
        self.texts.append(f"{place}: {text}")

    def take(self, place: str, read: Callable[[Any], Value], given: Any) -> Value | None:
        """What `read` makes of it; None, and a problem, when it raises a ValueError."""
        try:
            return read(given)
        except ValueError as exc:
            self.add(place, str(exc))
            return None

    def table(self, place: str, given: Any, known: Iterable[str]) -> dict[str, Any]:
        """The known members of a table; the others are problems."""
        if not isinstance(given, dict):
            self.add(place, "must be a table")
            return {}
        names = list(known)
        for name in given:
            if name not in names:
                self.add(place, unknown(str(name), names))
        return {name: value for name, value in given.items() if name in names}


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of a word that is none of those known."""
    names = list(known)
    shown = name if name.isprintable() else ascii(name)[1:-1]
    shown = shown if len(shown) <= SHOWN_CHARACTERS_MAX else shown[:SHOWN_CHARACTERS_MAX] + "..."
    near = get_close_matches(name[:SHOWN_CHARACTERS_MAX], names, n=1)
    if near:
        return f"`{shown}` is not known; did you mean `{near[0]}`?"
    return f"`{shown}` is not known; there {'are ' + ', '.join(names) if names else 'is none'}"


def check_json(given: Any) -> None:
    """ValueError for what JSON can not hold, or would hold otherwise: it is kept as JSON."""
    try:
        raw = msgspec.json.encode(given)
        is_same = bool(msgspec.json.decode(raw) == given)
    except (TypeError, ValueError, OverflowError, RecursionError):
        is_same = False
    if not is_same:
        raise ValueError("holds what JSON does not: a time is written as text, and a number is finite")
    if len(raw) > DECLARED_BYTES_MAX:
        raise ValueError(f"must be at most {DECLARED_BYTES_MAX} bytes of JSON")


def texts(given: Any) -> list[str]:
    """A list of one text or more."""
    if (
        not isinstance(given, list | tuple)
        or not given
        or not all(isinstance(one, str) and one for one in given)
    ):
        raise ValueError("must be a list of texts, with one at least")
    return list(given)


def one_of(known: Iterable[str]) -> Callable[[Any], str]:
    """A reader of one word of a few."""

    def read(given: Any) -> str:
        if not isinstance(given, str) or given not in known:
            raise ValueError(unknown(str(given), known))
        return given

    return read
