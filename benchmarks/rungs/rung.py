"""What the ladder needs of a server it measures, whoever made it."""

from pathlib import Path
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from support.processes import Process


class Kept(NamedTuple):
    """What a server has kept of its requests, and what that takes on the disk, logs and indexes included."""

    events: int
    payload_bytes: int
    disk_bytes: int
    log_bytes: int = 0  # of that: a log that is used again and again


class Rung:
    """A way to answer pixels: runs from the start to the end of a `with` block, in a directory of its own."""

    key: ClassVar[str]
    title: ClassVar[str]
    how: ClassVar[str]  # one line for those who read the results
    is_ours: ClassVar[bool] = False

    port: int
    write_key: str = "anything"

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    def processes(self) -> list[Process]:
        """All that work for it, by role."""
        raise NotImplementedError

    def syncs(self) -> int:
        """How often it has waited for the disk so far."""
        return 0

    def kept(self) -> Kept | None:
        """None where nothing is kept."""
        return None


def allocated_bytes(*paths: Path) -> int:
    """What files take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in paths if path.exists())
