"""A destination of the tests' own that does what it is told; `moody(monkeypatch)` makes it known."""

import asyncio
import threading
from typing import Annotated, Final, Literal

import pytest
from msgspec import Meta

from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    GiveUp,
    Misconfigured,
    Options,
    Refused,
    Retry,
    Sent,
    Surroundings,
)

KIND: Final = "moody"
Mood = Literal[
    "takes",
    "crashes",
    "says_nothing",
    "rambles",
    "refuses",
    "hangs",
    "blocks",
    "crashes_at_end",
    "hangs_at_end",
]

released = threading.Event()  # set: those that block go on


class MoodyOptions(Options, frozen=True, kw_only=True):
    mood: Annotated[Mood, Meta(description="What it does.")] = "takes"
    opens: Annotated[bool, Meta(description="Whether it can be opened.")] = True


class Moody:
    def __init__(self, options: MoodyOptions, surroundings: Surroundings) -> None:
        self._options = options

    async def open(self) -> None:
        if not self._options.opens:
            raise Misconfigured("there is no key", hint="bring one")

    async def check(self) -> None: ...

    async def close(self) -> None:
        if self._options.mood == "crashes_at_end":
            raise ValueError("secret of the other side")
        if self._options.mood == "hangs_at_end":
            await asyncio.Event().wait()

    async def send(self, batch: Batch) -> BatchResult:
        match self._options.mood:
            case "crashes":
                raise ValueError("secret of the other side")
            case "says_nothing":
                return BatchResult([])
            case "rambles":
                return BatchResult([Retry("\x1b[31mline one\nline two\u202e " + "x" * 10_000)])
            case "refuses":
                raise Refused("not in this shape")
            case "hangs":
                await asyncio.Event().wait()
            case "blocks":
                released.wait(30)
                return BatchResult([GiveUp("blocked")])
        return BatchResult([Sent()])


def moody(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the length of a test."""
    released.clear()
    monkeypatch.setitem(registry._MODULES, KIND, __name__)


SPEC: Final = DestinationSpec(
    kind=KIND,
    summary="Does what it is told.",
    options=MoodyOptions,
    build=Moody,
    batch_limits=lambda options: BatchLimits(),
)
