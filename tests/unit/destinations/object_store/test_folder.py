"""A local folder as a store."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.object_store.folder import Folder
from pixelwire.destinations.object_store.store import TooLarge
from support.faults import read_only, small_disk

KEY = "pixel=1/hour=02/file.json.gz"
T = TypeVar("T")


def with_folder(root: Path, use: Callable[[Folder], Awaitable[T]], timeout_s: float = 10.0) -> T:
    async def run() -> T:
        folder = Folder(root, timeout_s, threads_max=2)
        try:
            return await use(folder)
        finally:
            await folder.close()

    return asyncio.run(run())


def files(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def test_a_file_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    """The second one under the same name is told that there is one; nothing else is left."""

    async def use(folder: Folder) -> None:
        assert await folder.create(KEY, b"first")
        assert not await folder.create(KEY, b"second")
        assert await folder.read(KEY, 100) == b"first"

    with_folder(tmp_path, use)
    assert files(tmp_path) == [KEY]


def test_the_group_may_read_and_others_may_not(tmp_path: Path) -> None:
    """Whatever the umask is; folders below one with a group of its own keep that group."""
    tmp_path.chmod(0o2750)
    before = os.umask(0o077)
    try:
        with_folder(tmp_path, lambda folder: folder.create(KEY, b""))
    finally:
        os.umask(before)
    assert (tmp_path / KEY).stat().st_mode & 0o7777 == 0o640
    assert (tmp_path / KEY).parent.stat().st_mode & 0o7777 == 0o2750


def test_what_a_kill_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """A draft is hidden, and the next one has another name."""
    (tmp_path / KEY).parent.mkdir(parents=True)
    left = (tmp_path / KEY).with_name(".file.json.gz.00000000.part")
    left.write_bytes(b"torn")
    assert with_folder(tmp_path, lambda folder: folder.create(KEY, b"whole"))
    assert (tmp_path / KEY).read_bytes() == b"whole"
    assert left.read_bytes() == b"torn"


def test_a_file_is_whole_from_the_moment_it_is_there(tmp_path: Path) -> None:
    """Who lists the folder meanwhile never sees a part of one under its name."""
    content, seen, is_over = os.urandom(8 * 1_048_576), set(), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            for path in tmp_path.glob("[!.]*"):
                seen.add(path.stat().st_size)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(5):
            with_folder(tmp_path, lambda folder, number=number: folder.create(f"file-{number}", content))
    finally:
        is_over.set()
        watcher.join()
    assert seen <= {len(content)}


def test_the_folder_itself_is_not_made(tmp_path: Path) -> None:
    """It may be a disk that is not mounted: then it waits."""
    with pytest.raises(Unreachable, match=r"folder .*/away is not there"):
        with_folder(tmp_path / "away", lambda folder: folder.create(KEY, b""))
    assert not (tmp_path / "away").exists()


def test_a_full_disk_is_told_and_waited_for(tmp_path: Path) -> None:
    """Nothing of the file stays; with room again the same call works."""
    with small_disk(tmp_path / "disk", "1m") as disk:

        async def use(folder: Folder) -> None:
            with pytest.raises(Unreachable, match="the disk is full"):
                await folder.create(KEY, bytes(2 * 1_048_576))
            assert files(disk) == []
            assert await folder.create(KEY, b"small")

        with_folder(disk, use)


def test_a_folder_that_takes_no_writes_is_its_operators_to_mend(tmp_path: Path) -> None:
    """The reason is the system's."""
    with (
        read_only(tmp_path),
        pytest.raises(Misconfigured, match=r"Read-only file system .*then resume"),
    ):
        with_folder(tmp_path, lambda folder: folder.create(KEY, b""))


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    """It is no folder to write into."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured, match="Not a directory"):
        with_folder(tmp_path / "file", lambda folder: folder.create("key", b""))


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """The call ends by the time-out; here a pipe nobody writes to stands for the disk."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def use(folder: Folder) -> None:
        with pytest.raises(Unreachable, match="does not answer"):
            await folder.read("pipe", 100)
        assert await folder.create("file", b"")
        os.close(os.open(pipe, os.O_WRONLY))  # lets the thread go

    with_folder(tmp_path, use, timeout_s=0.2)


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    """A file that is not ours takes no memory."""
    (tmp_path / "file").write_bytes(bytes(101))
    with pytest.raises(TooLarge):
        with_folder(tmp_path, lambda folder: folder.read("file", 100))


def test_a_file_can_be_taken_away_twice(tmp_path: Path) -> None:
    """Two checks at the same time do not meet."""
    (tmp_path / "file").write_bytes(b"")
    with_folder(tmp_path, lambda folder: folder.delete("file"))
    with_folder(tmp_path, lambda folder: folder.delete("file"))
