"""A destination of the tests' own that takes what it gets at once, in batches as large as it is told; and the
courier's process with this kind known to it.

    python tests/support/drain.py

Knows no network: what it confirmed is a line in a file, where one is given.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    Options,
    Sent,
    Surroundings,
)

KIND: Final = "drain"


class DrainOptions(Options, frozen=True, kw_only=True):
    file: Annotated[
        str, Meta(description="Where the message ids of each batch are written, a line each.")
    ] = ""
    events_max: Annotated[int, Meta(description="As in BatchLimits.")] = 1
    bytes_max: Annotated[int, Meta(description="As in BatchLimits.")] = 4 * 1_048_576
    concurrency: Annotated[int, Meta(description="As in BatchLimits.")] = 1
    linger_s: Annotated[float, Meta(description="As in BatchLimits.")] = 0.0
    keeps_order: Annotated[bool, Meta(description="As in BatchLimits.")] = False
    takes_s: Annotated[float, Meta(description="How long a send takes.")] = 0.0


class Drain:
    def __init__(self, options: DrainOptions, surroundings: Surroundings) -> None:
        self._options = options

    async def open(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, batch: Batch) -> BatchResult:
        if self._options.takes_s:
            await asyncio.sleep(self._options.takes_s)
        if self._options.file:
            line = msgspec.json.encode([item.message_id for item in batch.items])
            with Path(self._options.file).open("ab") as file:
                file.write(line + b"\n")
        return BatchResult([Sent()] * len(batch.items))


def _limits(options: DrainOptions) -> BatchLimits:
    return BatchLimits(
        concurrency=options.concurrency,
        events_max=options.events_max,
        bytes_max=options.bytes_max,
        linger_s=options.linger_s,
        keeps_order=options.keeps_order,
    )


SPEC: Final = DestinationSpec(
    kind=KIND, summary="Takes everything.", options=DrainOptions, build=Drain, batch_limits=_limits
)


def batches(file: Path) -> list[list[str]]:
    """The message ids that were confirmed, batch by batch."""
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()] if file.exists() else []


if __name__ == "__main__":
    registry._MODULES[KIND] = "drain"  # this file, as Python finds it beside the script it was started with

    from pixelwire.deliver.__main__ import main

    sys.exit(main())
