"""The log is copied into the file now and then; that this fails is never a batch's failure."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from pixelwire import limits
from pixelwire.record.reader import Reader
from pixelwire.record.segments import Storage
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

VFS_NAME = "no-room-in-files"


class FullFile(apsw.VFSFile):
    """Logs find room, database files do not grow: a disk that is just full."""

    is_full = False

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 SQLite's name
        if FullFile.is_full and self._is_database:
            raise apsw.FullError("no room")
        super().xWrite(data, offset)


class FullFiles(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(VFS_NAME, "")

    def xOpen(  # noqa: N802 SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> FullFile:
        return FullFile(name, flags)


@pytest.fixture
def full_disk() -> Iterator[str]:
    """A file system that is full from the moment `FullFile.is_full` is set."""
    files = FullFiles()
    yield VFS_NAME
    FullFile.is_full = False
    files.unregister()


def test_a_checkpoint_without_room_costs_no_batch(
    full_disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed is in the log and acknowledged; it is copied when there is room again."""
    monkeypatch.setattr(limits, "WAL_CHECKPOINT_BYTES", 64 * 1024)
    writer = Writer.open(tmp_path, storage=Storage(vfs=full_disk), is_inline=True)
    FullFile.is_full = True
    for number in range(1, 41):
        (ack,) = writer.commit([(7, make_batch(number, [make_event(payload={"x": "y" * 4_000})]))])
        assert ack.status == "stored"
    FullFile.is_full = False
    writer.commit([(7, make_batch(41, [make_event()]))])
    writer.close()
    assert Reader(tmp_path).head() == 41
