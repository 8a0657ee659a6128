"""Granian under a supervisor: no stop is lost in the moments in which granian itself forgets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import environment
from support.interrupted import BEGINNING, RELOADING, STARTING

TESTS = Path(__file__).parents[2]
STOPPED_S = 30.0


@pytest.mark.parametrize("moment", [STARTING, BEGINNING, RELOADING])
def test_a_stop_is_heard_at_any_moment(moment: str, tmp_path: Path) -> None:
    """While granian takes the signals, before it is there at all, and while it replaces its workers."""
    done = subprocess.run(
        [sys.executable, "-m", "support.interrupted", moment, str(tmp_path)],
        cwd=TESTS,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=STOPPED_S,
    )
    assert done.returncode == 0, done.stderr
    assert "workers_stopped" not in done.stderr
