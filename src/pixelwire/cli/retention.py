"""`pixelwire retention`: what is removed when, what holds it, the owner's word after a jump of the clock."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pixelwire.cli import options
from pixelwire.cli.output import print_fields, print_json
from pixelwire.errors import DataDirectoryError
from pixelwire.record.reader import Reader
from pixelwire.record.retention import Jump, Situation, jumps
from pixelwire.record.segments import events_dir
from pixelwire.record.survey import Survey, confirm
from pixelwire.times import hour_iso, iso_s

if TYPE_CHECKING:
    from pixelwire.config import Settings

EPILOG: Final = """\b
Examples:
  pixelwire retention show
  pixelwire retention confirm

\b
The limits are settings: retention_days, retention_bytes, retention_free_bytes and the two hard ones.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Show how old events are removed, and confirm jumps of the clock."""


@command.command()
@options.common
@options.as_json
def show(config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show the limits, what is on disk, what was removed and what holds."""
    settings = options.settings(config, data_dir=data_dir)
    report = _report(settings, _look(settings.data_dir))
    (print_json if is_json else print_fields)(report)


@command.command("confirm")
@options.common
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
def confirm_(config: Path | None, data_dir: str | None, is_sure: bool) -> None:
    """Confirm that the times of the events are right.

    Retention by age waits after more than a day without events: a clock that is set forward by mistake
    would make everything look old.
    """
    settings = options.settings(config, data_dir=data_dir)
    found = jumps(_look(settings.data_dir))
    if not found:
        click.echo("there is nothing to confirm")
        return
    for jump in found:
        click.echo(f"no event between {_end_iso(jump)} and {hour_iso(jump.to_hour)}")
    if not is_sure:
        click.confirm("Are these times right, so that older events may be removed?", abort=True)
    confirm(settings.data_dir, [jump.to_hour for jump in found])
    click.echo("confirmed; a running server knows within seconds")


def _look(data_dir: Path) -> Situation:
    if not events_dir(data_dir).is_dir():
        hint = "name it with --data-dir"
        raise DataDirectoryError(f"{data_dir} holds no events", hint=hint)
    return Survey(data_dir).look()


def _report(settings: "Settings", now: Situation) -> dict[str, Any]:
    reader = Reader(settings.data_dir)
    try:
        state = reader.retention()
    finally:
        reader.close()
    oldest = now.segments[0] if now.segments else None
    limits = {name: value for name, value in settings.model_dump().items() if name.startswith("retention_")}
    return limits | {
        "segments": len(now.segments),
        "bytes": sum(segment.size_bytes for segment in now.segments),
        "free_bytes": now.free_bytes,
        "oldest_seq": oldest.first_seq if oldest else None,
        "oldest_segment_to": iso_s(oldest.newest_ms) if oldest else None,
        "newest_event_at": iso_s(now.newest_ms) if now.newest_ms else None,
        "slowest_destination_at_seq": now.cursor,
        "unconfirmed_jumps": [f"{_end_iso(jump)} to {hour_iso(jump.to_hour)}" for jump in jumps(now)],
        "limit_passed": state.why or None,
        "waits_for": state.held_by or None,
        "removed_segments": state.removed_segments,
        "removed_events": state.removed_events,
        "removed_bytes": state.removed_bytes,
        "expired_events": state.expired_events,
    }


def _end_iso(jump: Jump) -> str:
    """When the hour of the last event before it was over."""
    return hour_iso(jump.from_hour + 1)
