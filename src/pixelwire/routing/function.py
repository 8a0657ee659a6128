"""A transform written in Python, found by its name in the entry points of `pixelwire.transforms`.

Whatever it does wrong is an event's failure with a reason, never the end of its caller. Loaded when used.
"""

import inspect
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from typing import Any, Final

from pixelwire.errors import Misconfigured
from pixelwire.routing.declaration import unknown
from pixelwire.routing.payload import KEPT, EventFacts, Object, RouteFailed, read, written

GROUP: Final = "pixelwire.transforms"


class Function:
    """`call(payload, event) -> dict | None`: the payload to send, or None for an event that is not sent."""

    def __init__(self, entry: EntryPoint) -> None:
        self.name = entry.name
        self._entry = entry
        self._call: Callable[[Object, EventFacts], Any] | None = None

    def load(self) -> Callable[[Object, EventFacts], Any]:
        """Misconfigured when its module can not be loaded."""
        if self._call is not None:
            return self._call
        text = f"the function `{self.name}` ({self._entry.value}) can not be loaded"
        try:
            call = self._entry.load()
        except (Exception, SystemExit) as exc:  # whatever a module of others does when it is imported
            hint = "mend or install the package it is from, then resume the destination"
            raise Misconfigured(f"{text}: {type(exc).__name__}: {exc}", hint=hint) from exc
        if not callable(call) or inspect.iscoroutinefunction(call):
            raise Misconfigured(
                f"{text}: it is no plain function", hint="it takes (payload, event) and is not async"
            )
        self._call = call
        return self._call

    def run(self, payload: Object, event: EventFacts) -> Object | None:
        """RouteFailed for every fault of it."""
        kept = {name: payload[name] for name in KEPT if name in payload}
        try:
            call = self.load()
        except Misconfigured as exc:
            raise RouteFailed(exc.text) from exc
        try:
            made = call(payload, event)
        except (Exception, SystemExit) as exc:  # code of others: only this event may suffer
            raise RouteFailed(f"the function `{self.name}` raised {_where(exc)}") from exc
        if made is None:
            return None
        if not isinstance(made, dict):
            raise RouteFailed(
                f"the function `{self.name}` returned {type(made).__name__}; it returns a dict, or None for"
                " an event that is not to be sent"
            )
        try:
            plain = read(written(made))
        except Exception as exc:  # of objects nobody knows
            raise RouteFailed(f"the function `{self.name}` returned what JSON can not hold") from exc
        return plain | kept


def parse_function(name: object) -> Function:
    """ValueError when no installed package has it."""
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{unknown(str(name), sorted(known))} (entry points of {GROUP})")
    return Function(known[name])


def _where(exc: BaseException) -> str:
    """The kind of error and its line: its text may hold what a visitor sent."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(exc).__name__
    file = PurePath(trace.tb_frame.f_code.co_filename).name
    return f"{type(exc).__name__} in line {trace.tb_lineno} of {file}"
