"""What was measured, as files beside the page that is made of them: a part measured anew replaces its own."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from windows import Climb

Row = tuple[str, str, str]  # what, measured, expected
Part = TypeVar("Part")


class Origin(msgspec.Struct):
    """Where and how a part was measured."""

    command: str
    date: str
    machine: dict[str, str]


class RungFacts(msgspec.Struct):
    key: str
    title: str
    how: str
    is_ours: bool


class LadderPart(msgspec.Struct):
    origin: Origin
    turns: int
    seconds: int
    connections: int
    rungs: list[RungFacts]
    ways: dict[str, str]  # key -> title
    climb: Climb


class TablePart(msgspec.Struct):
    """A part that is told by its rows."""

    origin: Origin
    rows: list[Row]


class SteadyPart(msgspec.Struct):
    """Memory under load over a while."""

    origin: Origin
    minutes: float
    events: int
    rate: float
    early: dict[str, int]  # PSS bytes by role, median of the first tenth after the first minute
    late: dict[str, int]  # of the last tenth


class GrowthPoint(msgspec.Struct):
    """What is measured on a server with so many events, in each turn."""

    stored: int  # when it began
    way: str
    turn: int
    rate: float = 0.0  # 0: nothing was collected meanwhile
    p99_ms: float = 0.0
    p50_ms: float = 0.0
    note: str = ""


class GrowthPart(msgspec.Struct):
    origin: Origin
    turns: int
    seconds: int
    ways: dict[str, str]
    points: list[GrowthPoint]


def origin(machine: Mapping[str, str]) -> Origin:
    command = " ".join([".venv/bin/python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    return Origin(command, f"{datetime.now(UTC):%Y-%m-%d}", dict(machine))


def save(directory: Path, name: str, part: object) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(part), indent=1)
    (directory / f"{name}.json").write_bytes(text + b"\n")


def read(directory: Path, name: str, kind: type[Part]) -> Part | None:
    """None when that part was not measured."""
    path = directory / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=kind) if path.exists() else None
