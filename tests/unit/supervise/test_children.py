"""Processes that are started again when they die."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.supervise.children import Child, ChildFailed

DEADLINE_S = 10.0
STEADY = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n"


class Nothing(msgspec.Struct):
    """Options of a process that needs none."""

    word: str = ""


class Watched:
    """A child whose changes can be waited for."""

    def __init__(self, module: str) -> None:
        self._changed = threading.Condition()
        self.child = Child("tester", module, Nothing(), [], self._note)

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, DEADLINE_S)

    def end(self) -> None:
        self.child.release()
        self.child.join()


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Watched]]:
    """Makes a child that runs the given program."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made: list[Watched] = []

    def from_text(program: str) -> Watched:
        name = f"program_{len(made)}"
        (tmp_path / f"{name}.py").write_text(program)
        made.append(Watched(name))
        return made[-1]

    yield from_text
    for watched in made:
        watched.end()


def test_start_returns_when_the_process_is_ready(make: Callable[[str], Watched]) -> None:
    """And the process ends when it is let go."""
    watched = make(STEADY)
    watched.child.start()
    assert watched.child.state == "running"
    watched.end()
    assert watched.child.process is not None
    assert watched.child.process.returncode == 0


def test_a_process_that_dies_is_started_again(make: Callable[[str], Watched]) -> None:
    """By a signal or by itself; the restarts are counted."""
    watched = make(STEADY)
    watched.child.start()
    first = watched.child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    watched.wait_for(lambda: watched.child.restarts == 1 and watched.child.state == "running")
    assert watched.child.pid != first


def test_a_process_that_never_gets_ready_fails_the_start(make: Callable[[str], Watched]) -> None:
    """The server does not come up half; it says which process did not start."""
    watched = make("raise SystemExit(3)\n")
    with pytest.raises(ChildFailed, match="tester"):
        watched.child.start()


def test_a_process_that_does_not_end_is_ended(make: Callable[[str], Watched]) -> None:
    """Stopping is bounded, whatever a process does."""
    watched = make("import signal\nprint('ready', flush=True)\nwhile True:\n    signal.pause()\n")
    watched.child.start()
    watched.child.release()
    watched.child.join(timeout_s=0.1)
    assert watched.child.process is not None
    assert watched.child.process.returncode == -signal.SIGKILL


def test_a_renewed_process_has_its_new_options(make: Callable[[str], Watched], tmp_path: Path) -> None:
    """An orderly restart is no restart after a death: it is not counted, and nothing is done for the same."""
    seen = tmp_path / "seen"
    watched = make(
        "import pathlib, sys\n"
        f"pathlib.Path({str(seen)!r}).write_text(sys.stdin.readline())\n"
        "print('ready', flush=True)\nsys.stdin.read()\n"
    )
    watched.child.start()
    first = watched.child.pid
    watched.child.renew(Nothing())
    assert watched.child.pid == first
    watched.child.renew(Nothing("new"))
    watched.wait_for(lambda: watched.child.pid != first and watched.child.state == "running")
    assert seen.read_text() == '{"word":"new"}\n'
    assert watched.child.restarts == 0


def test_a_process_that_is_not_needed_is_tried_again(make: Callable[[str], Watched], tmp_path: Path) -> None:
    """The courier's trouble is not the pixels': its start may fail, and it comes when it can."""
    first_time = tmp_path / "first_time"
    first_time.touch()
    watched = make(
        f"import pathlib, sys\nfirst = pathlib.Path({str(first_time)!r})\n"
        "if first.exists():\n    first.unlink()\n    sys.exit(3)\n" + STEADY
    )
    watched.child.is_needed = False
    watched.child.begin()
    watched.wait_for(lambda: watched.child.state == "running")
    assert watched.child.restarts == 1


def test_a_start_that_the_system_refuses_is_tried_again(
    make: Callable[[str], Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many processes, or no memory, for a moment: the child comes when it can."""
    watched = make(STEADY)
    watched.child.start()
    first, refusals = watched.child.pid, [OSError("no more processes")]
    assert first is not None
    real = subprocess.Popen

    def refuse_once(*arguments: Any, **options: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", refuse_once)
    os.kill(first, signal.SIGKILL)
    watched.wait_for(lambda: watched.child.pid != first and watched.child.state == "running")
    assert not refusals
