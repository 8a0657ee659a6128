"""The file that holds the first pixel's ids and token."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from pixelwire.cli.quickstart_file import FILE_NAME, Quickstart, read, read_or_create
from pixelwire.clock import SystemClock
from pixelwire.errors import DataDirectoryError


def create(data_dir: Path) -> Quickstart:
    return read_or_create(data_dir, SystemClock())


def test_nothing_is_there_before_the_first_start(tmp_path: Path) -> None:
    """Reading makes nothing."""
    assert read(tmp_path / "data") is None
    assert not (tmp_path / "data").exists()


def test_the_second_start_finds_the_same(tmp_path: Path) -> None:
    """Ids and token are chosen once."""
    assert create(tmp_path / "data") == create(tmp_path / "data")


def test_the_file_is_for_its_owner_only_and_says_what_it_is(tmp_path: Path) -> None:
    """It holds a token in clear, and says that it is the only place."""
    old = os.umask(0)
    try:
        chosen = create(tmp_path / "data")
    finally:
        os.umask(old)
    path = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    kept = json.loads(path.read_text())
    assert kept["token"] == chosen.token
    assert "one place where a token" in kept["note"]


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Neither of this start nor of one that was killed: the token has one place."""
    (tmp_path / f"{FILE_NAME}.4711.new").write_text("half a fi")
    create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    """The first to write decides for both."""
    found: list[Quickstart] = []
    gate = threading.Barrier(4)

    def start(number: int) -> None:
        gate.wait()
        found.append(create(tmp_path))

    threads = [threading.Thread(target=start, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"pixel_id": "', '"pixel_id": "x'),
        lambda text: "[]",
        lambda text: text.replace("pw_", "").replace("token", "tokem"),
        lambda text: "\udcff",
    ],
)
def test_a_damaged_file_is_said_and_not_replaced(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    """A new pixel in place of a damaged one would silently lose the tags that are out."""
    create(tmp_path)
    path = tmp_path / FILE_NAME
    before = damage(path.read_text()).encode("utf-8", "surrogateescape")
    path.write_bytes(before)
    with pytest.raises(DataDirectoryError, match=r"quickstart\.json is damaged") as caught:
        create(tmp_path)
    assert "restore it from a backup, or remove it" in caught.value.hint
    assert path.read_bytes() == before


def test_a_place_that_can_not_be_used_is_said(tmp_path: Path) -> None:
    """A file where the directory should be is an error with its name."""
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryError, match="data"):
        create(tmp_path / "data" / "below")
