"""Transforms that may leave an event out: sample, and a function of the owner's own."""

from hashlib import blake2b
from typing import Any, ClassVar

from pixelwire.routing.declaration import Problems
from pixelwire.routing.function import Function, parse_function
from pixelwire.routing.payload import EventFacts
from pixelwire.routing.work import Work


class Sample:
    """A part of the visitors: the same ones always, and with a larger part the same ones and more."""

    verb: ClassVar = "sample"

    def __init__(self, percent: float) -> None:
        self._below = round(percent / 100 * 2**64)

    def apply(self, work: Work) -> str:
        assert work.event is not None, "a route with a sample reads it"
        return "" if _lot(work.event) < self._below else "sampled out"


class FunctionCall:
    """A function's payload in place of the one there was."""

    verb: ClassVar = "function"

    def __init__(self, function: Function) -> None:
        self.function = function

    def apply(self, work: Work) -> str:
        assert work.event is not None, "a route with a function reads it"
        made = self.function.run(work.payload, work.event)
        if made is None:
            return f"left out by the function `{self.function.name}`"
        work.payload = made
        return ""


def parse_sample(given: Any, place: str, problems: Problems) -> Sample:
    table = problems.table(place, given, ("percent",))
    return Sample(problems.take(f"{place} percent", _percent, table.get("percent")) or 100)


def parse_call(given: Any, place: str, problems: Problems) -> FunctionCall | None:
    function = problems.take(place, parse_function, given)
    return None if function is None else FunctionCall(function)


def _lot(event: EventFacts) -> int:
    """64 bits by the visitor; of nobody's events, each by its own id."""
    drawn = event.identity or event.message_id
    return int.from_bytes(blake2b(drawn.encode(), digest_size=8).digest(), "big")


def _percent(given: Any) -> float:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not 0 < given <= 100:
        raise ValueError("must be a number above 0, at most 100")
    return float(given)
