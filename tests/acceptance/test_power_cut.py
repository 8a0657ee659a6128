"""The power of the host is cut while the recorder commits: what was acknowledged is there afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelwire import limits
from support.power_history import History
from support.powercut import silent_power_cuts

HISTORIES = 50
CUTS_EACH = 4  # 200 in all
CHUNK = 5


@pytest.fixture
def memory_dir() -> Iterator[Path]:
    """A directory in memory: the disk under test is the simulated one."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="powercut-", dir=base))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def _short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log starts again from its beginning after a few commits, not after megabytes."""
    monkeypatch.setattr(limits, "WAL_CHECKPOINT_BYTES", 64 * 1_024)


@pytest.mark.parametrize("first_seed", range(0, HISTORIES, CHUNK))
def test_an_acknowledged_event_survives_power_cuts(first_seed: int, memory_dir: Path) -> None:
    """After each cut every acknowledged id is there, once, and the counts equal the events."""
    for seed in range(first_seed, first_seed + CHUNK):
        history = History(seed, memory_dir / str(seed), has_thread=seed % 2 == 1)
        for cut in range(CUTS_EACH):
            try:
                with silent_power_cuts():
                    history.live()
                    if seed % 4 < 2 or cut % 2:  # else the next cut may hit the recovery itself
                        history.check()
            except Exception as error:
                raise AssertionError(f"seed {seed}, cut {cut + 1}: {error!r}") from error


def test_without_a_sync_each_commit_the_same_cuts_lose_events(memory_dir: Path) -> None:
    """A test of the test: with synchronous=NORMAL the simulated disk does lose acknowledged events."""
    lost = 0
    for seed in range(20):
        history = History(seed, memory_dir / str(seed), synchronous="NORMAL")
        with silent_power_cuts():
            history.live()
            lost += len(history.lost())
    assert lost > 0
