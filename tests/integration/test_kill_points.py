"""kill -9 at every sync, rename and removal of a file, of retention and of a backup: strace does it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from pixelwire.record.reader import Reader
from pixelwire.record.retention import RetentionLimits
from support.commands import environment
from support.keeping import deliver_to, fill_days, retention, run
from support.stores import names, problems, take

ROOT = Path(__file__).parents[1]
CALLS = ("unlink", "unlinkat", "rename", "fsync", "fdatasync")
HARD = RetentionLimits(hard_bytes_max=1)
RETAIN = "retention(Path(sys.argv[1]), RetentionLimits(hard_bytes_max=1))"
IMPORTS = (
    "import sys; from pathlib import Path; from support.keeping import retention, run;"
    " from support.stores import take; from pixelwire.record.retention import RetentionLimits; "
)


def killed_at_each_step(script: str, prepare: Callable[[], list[Path]]) -> Iterator[list[Path]]:
    """Runs the script on fresh places again and again, killed at the first such system call, the second, and
    so on until it ends by itself; gives the places as each kill left them."""
    if shutil.which("strace") is None:
        pytest.fail("install strace (Debian package `strace`): it kills at a chosen system call")
    kills = 0
    for call in CALLS:
        for step in count(1):
            places = prepare()
            inject = f"inject={call}:signal=KILL:when={step}"
            done = subprocess.run(
                [
                    *("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject),
                    *(sys.executable, "-c", IMPORTS + script, *map(str, places)),
                ],
                env=environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
                capture_output=True,
                text=True,
                timeout=60,
            )
            if done.returncode == 0:
                break
            assert "Traceback" not in done.stderr, done.stderr
            kills += 1
            yield places
    assert kills > 10
    print(f"killed {kills} times")


def test_retention_that_is_killed_at_any_step_is_taken_up_again(tmp_path: Path) -> None:
    """At each point the store is whole; the next run ends where one that was never killed ends."""
    fill_days(tmp_path / "origin", 3)
    deliver_to(tmp_path / "origin", 4)
    numbers = count(1)

    def prepare() -> list[Path]:
        shutil.copytree(tmp_path / "origin", place := tmp_path / f"store{next(numbers)}")
        return [place]

    for (place,) in killed_at_each_step(f"run({RETAIN})", prepare):
        assert problems(place) == []
        run(retention(place, HARD))
        assert problems(place) == []
        assert {name.split(".")[0] for name in names(place / "events")} == {"000003"}
        reader = Reader(place)
        state = reader.retention()
        assert (state.removed_segments, state.removed_events, state.expired_events) == (2, 6, 2)
        assert [number for number in range(1, 10) if reader.find_expired(1, f"e{number}")] == [5, 6]
        reader.close()


def test_a_backup_that_is_killed_at_any_step_leaves_a_whole_one(tmp_path: Path) -> None:
    """The former one or, from the manifest on, the new one; the next run sweeps up."""
    fill_days(tmp_path / "data", 1)
    take(tmp_path / "data", tmp_path / "origin")
    fill_days(tmp_path / "data", 2, first_ms=20_001 * 86_400_000)
    numbers = count(1)

    def prepare() -> list[Path]:
        shutil.copytree(tmp_path / "origin", place := tmp_path / f"backup{next(numbers)}")
        return [tmp_path / "data", place]

    for data_dir, place in killed_at_each_step("take(Path(sys.argv[1]), Path(sys.argv[2]))", prepare):
        assert problems(place) == []
        files = take(data_dir, place).manifest.files
        assert problems(place) == []
        assert names(place) == {"manifest.json", "lock", *(file.path for file in files)}
