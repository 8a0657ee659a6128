"""What the supervisor says of the processes."""

import os
import subprocess
from pathlib import Path

import pytest

from pixelwire.manage.processes import Processes, read_processes, resident_bytes
from support.waiting import wait_until

ENDED_S = 10.0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"recorder": 3}'])
def test_a_file_that_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """As a missing one."""
    path = tmp_path / "processes.json"
    assert read_processes(str(path)) is None
    path.write_bytes(content)
    assert read_processes(str(path)) is None
    assert read_processes("") is None


def test_what_is_not_known_is_passed_over(tmp_path: Path) -> None:
    """A supervisor may say more than this asks."""
    path = tmp_path / "processes.json"
    path.write_bytes(b'{"recorder": {"pid": 7, "state": "running", "restarts": 1, "new": 0}, "later": {}}')
    processes = read_processes(str(path))
    assert processes is not None
    assert (processes.recorder.pid, processes.courier.state) == (7, "")


def test_memory_is_known_of_living_processes_only() -> None:
    """A number that is no process has none."""
    assert (resident_bytes(os.getpid()) or 0) > 1_000_000
    assert resident_bytes(2**22 + 1) is None
    assert Processes().workers_alive == 0


def test_a_process_that_ended_has_no_memory() -> None:
    """Also while its parent has not asked for its end yet: a worker that died does not run."""
    child = subprocess.Popen(["true"])
    stat = Path(f"/proc/{child.pid}/stat")
    wait_until(lambda: ") Z " in stat.read_text(), ENDED_S, "it ended")
    assert resident_bytes(child.pid) is None
    child.wait()
