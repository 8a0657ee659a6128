"""Reads what an owner declared, and names every problem at once. Knows no filter and no transform."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

Value = TypeVar("Value")


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
    near = get_close_matches(name, names, n=1)
    if near:
        return f"`{name}` is not known; did you mean `{near[0]}`?"
    return f"`{name}` is not known; there {'are ' + ', '.join(names) if names else 'is none'}"


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
