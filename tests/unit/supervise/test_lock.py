"""Who owns the data directory."""

import os
from pathlib import Path

import pytest

from pixelwire.errors import DataDirectoryError
from pixelwire.supervise.lock import DataDirectory


@pytest.fixture(autouse=True)
def private_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    """A second server over the same data is refused, with who has it and what to do."""
    first = DataDirectory(tmp_path / "d")
    with pytest.raises(
        DataDirectoryError, match=rf"in use by another Pixelwire \(process {os.getpid()}\).*--data-dir"
    ):
        DataDirectory(tmp_path / "d", wait_s=0.1)
    first.release()
    DataDirectory(tmp_path / "d").release()


def test_the_data_is_its_owners_only(tmp_path: Path) -> None:
    """Others on the machine neither list nor read it."""
    directory = DataDirectory(tmp_path / "d")
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0
    assert directory.runtime.stat().st_mode & 0o077 == 0
    directory.release()


def test_sockets_of_a_killed_server_are_tidied_away(tmp_path: Path) -> None:
    """The runtime directory of a server that was killed goes with the next start."""
    killed = DataDirectory(tmp_path / "d")
    os.close(killed.lock_fd)
    successor = DataDirectory(tmp_path / "d")
    assert not killed.runtime.exists()
    successor.release()
    assert not successor.runtime.exists()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """What can not be a directory is said in one line."""
    (tmp_path / "d").write_text("")
    with pytest.raises(DataDirectoryError, match="can not be used"):
        DataDirectory(tmp_path / "d")


def test_a_runtime_path_too_long_for_a_socket_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unix socket paths end at 107 bytes."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(DataDirectoryError, match="short path"):
        DataDirectory(tmp_path / "d")
