"""`pixelwire retention`: it tells what is so, and what the owner says reaches the recorder."""

import json
from pathlib import Path

import pytest

from pixelwire.cli.exits import Exit
from pixelwire.cli.group import outcome
from pixelwire.clock import DAY_MS
from pixelwire.record.retention import RetentionLimits
from support.keeping import START_MS, deliver_to, fill_days, retention, run


def asked(*arguments: str) -> int:
    return outcome(["retention", *arguments])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    fill_days(tmp_path, 3)
    return tmp_path


def test_show_tells_what_is_on_disk_and_what_was_removed(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Limits, files, cursors, and the sums of what went."""
    deliver_to(data_dir, 2)
    run(retention(data_dir, RetentionLimits(hard_bytes_max=1)))
    capsys.readouterr()
    assert asked("show", "--data-dir", str(data_dir), "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["segments"], told["oldest_seq"], told["slowest_destination_at_seq"]) == (1, 7, 2)
    assert (told["removed_segments"], told["removed_events"], told["expired_events"]) == (2, 6, 4)
    assert told["retention_days"] == 0


def test_a_jump_is_shown_and_confirmed(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was confirmed once is not asked again."""
    fill_days(data_dir, 1, first_ms=START_MS + 30 * DAY_MS)
    keeper = retention(data_dir, RetentionLimits(age_ms=4 * DAY_MS))
    assert run(keeper) == 0
    assert asked("show", "--data-dir", str(data_dir)) == Exit.OK
    assert "clock" in capsys.readouterr().out
    assert asked("confirm", "--yes", "--data-dir", str(data_dir)) == Exit.OK
    assert "no event between 2024-10-06T17" in capsys.readouterr().out
    assert run(keeper) == 3
    assert asked("confirm", "--data-dir", str(data_dir)) == Exit.OK
    assert "nothing to confirm" in capsys.readouterr().out


def test_a_directory_without_events_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the pen is not an empty store."""
    assert asked("show", "--data-dir", str(tmp_path)) == Exit.FAILED
    assert "holds no events" in capsys.readouterr().err
