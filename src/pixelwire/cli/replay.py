"""`pixelwire replay`: stored events sent to a destination once more.

Counts by reading the store, writes orders into the catalog and watches delivery.db; the courier sends.
"""

from pathlib import Path
from typing import Any, Final

import click

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import CancelReplay, StartReplay
from pixelwire.cli import options
from pixelwire.cli.exits import Exit
from pixelwire.cli.moments import span_ms
from pixelwire.cli.output import print_fields, print_json, print_table, printable
from pixelwire.cli.replay_watch import counted, follow
from pixelwire.cli.rows import destination_of, opened, pixel_of
from pixelwire.clock import SystemClock
from pixelwire.deliver.state import Deliveries
from pixelwire.errors import Conflict, NotFound
from pixelwire.manage.replays import Asked, Count, count_row, planned, replay_rows
from pixelwire.record.reader import Reader

COLUMNS: Final = ["id", "state", "from", "to", "progress", "sent", "dead", "reason"]
ENDS: Final = ("done", "cancelled")

EPILOG: Final = """\b
Examples:
  pixelwire replay start Warehouse --from 2026-01-23 --to 2026-01-24 --dry-run
  pixelwire replay start Warehouse --from 2026-01-23T04:00Z --to 2026-01-23T06:00Z --follow
  pixelwire replay start Warehouse --from 2026-01-01 --pixel Shop --event "Order Completed"
  pixelwire replay show Warehouse --follow
  pixelwire replay cancel Warehouse 5b2c...

\b
Events go out with the message ids they have; filters, transforms and pixels are the destination's.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Send stored events to a destination once more, and watch how it goes."""


@command.command()
@click.argument("destination")
@click.option("--from", "from_", required=True, metavar="TIME", help="Events received then or later (UTC).")
@click.option("--to", metavar="TIME", help="And before, or on this day.  [default: now]")
@click.option("--pixel", "pixels", multiple=True, metavar="PIXEL", help="Only its events; again for more.")
@click.option("--call", type=click.Choice(["page", "track"]), help="Only these.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only tracks of this name, or NAM*.")
@click.option("--dry-run", is_flag=True, help="Count what would be sent, and send nothing.")
@click.option("--follow", "is_followed", is_flag=True, help="Stay, and show how it goes.")
@options.common
@options.as_json
def start(destination: str, config: Path | None, data_dir: str | None, is_json: bool, **given: Any) -> int:
    """Send the events of a time to DESTINATION once more."""
    place = options.settings(config, data_dir=data_dir).data_dir
    reader = Reader(place)
    try:
        with opened(config, data_dir) as catalog:
            found = destination_of(catalog, destination)
            wish = planned(catalog, reader, found, _asked(catalog, given))
            if given["dry_run"]:
                _print_count(found, None if wish is None else counted(catalog, reader, found, wish), is_json)
                return Exit.OK
            replay_id = _ordered(catalog, found, wish)
            if not given["is_followed"]:
                _print_started(catalog, place, found, replay_id, is_json)
                return Exit.OK
            return _watch(catalog, place, found, replay_id, is_json)
    finally:
        reader.close()


@command.command("list")
@click.argument("destination")
@options.common
@options.as_json
def list_(destination: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show the replays to a destination, newest first."""
    place = options.settings(config, data_dir=data_dir).data_dir
    with opened(config, data_dir) as catalog:
        rows = _rows(catalog, place, destination_of(catalog, destination))
    if is_json:
        print_json(rows)
    else:
        shown = [{**row, "progress": f"{row['progress']:.0%}"} for row in rows]
        print_table(shown, COLUMNS, "no replay yet: start one with `pixelwire replay start`")


@command.command()
@click.argument("destination")
@click.argument("replay", required=False)
@click.option("--follow", "is_followed", is_flag=True, help="Stay, and show how it goes.")
@options.common
@options.as_json
def show(
    destination: str,
    replay: str | None,
    is_followed: bool,
    config: Path | None,
    data_dir: str | None,
    is_json: bool,
) -> int:
    """Show one replay.  [default: the newest]"""
    place = options.settings(config, data_dir=data_dir).data_dir
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        row = _row(catalog, place, found, replay)
        if is_followed:
            return _watch(catalog, place, found, row["id"], is_json)
    (print_json if is_json else print_fields)(row)
    return Exit.OK


@command.command()
@click.argument("destination")
@click.argument("replay")
@options.common
def cancel(destination: str, replay: str, config: Path | None, data_dir: str | None) -> None:
    """End a replay before its end. What was sent stays sent."""
    place = options.settings(config, data_dir=data_dir).data_dir
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        row = _row(catalog, place, found, replay)
        if row["state"] in ENDS:
            raise Conflict(f"the replay is {row['state']} already")
        catalog.give_order(found.id, CancelReplay(row["id"]))
    click.echo(f"the replay is cancelled, with {row['sent']} events sent")


def _asked(catalog: Catalog, given: dict[str, Any]) -> Asked:
    from_ms, to_ms = span_ms(given["from_"], given["to"])
    assert from_ms is not None, "it is required"
    filters: dict[str, Any] = {}
    if given["call"]:
        filters["calls"] = [given["call"]]
    if given["events"]:
        filters["events"] = list(given["events"])
    pixels = [pixel_of(catalog, pixel).id for pixel in given["pixels"]] or None
    return Asked(from_ms, SystemClock().now_ms() + 1 if to_ms is None else to_ms, pixels, filters)


def _ordered(catalog: Catalog, destination: Destination, wish: StartReplay | None) -> str:
    if wish is None:
        raise NotFound("no event is stored that was received between --from and --to")
    return catalog.give_order(destination.id, wish).id


def _print_count(destination: Destination, count: Count | None, is_json: bool) -> None:
    row = count_row(count)
    if is_json:
        print_json(row)
        return
    beside = f", {row['filtered']} more are filtered" if row["filtered"] else ""
    click.echo(f"{row['events']} events would be sent to {printable(destination.name)}{beside}")
    for name in ("first", "last"):
        if row[name]:
            click.echo(f"the {name} was received at {row[name]['received_at']}")


def _print_started(
    catalog: Catalog, place: Path, destination: Destination, replay_id: str, is_json: bool
) -> None:
    if is_json:
        print_json(_row(catalog, place, destination, replay_id))
        return
    click.echo(f"replay {replay_id} to {printable(destination.name)} is ordered")
    click.echo(f"watch it: pixelwire replay show {destination.id} {replay_id} --follow", err=True)


def _watch(catalog: Catalog, place: Path, destination: Destination, replay_id: str, is_json: bool) -> int:
    try:
        row = follow(lambda: _row(catalog, place, destination, replay_id), ENDS)
    except KeyboardInterrupt:
        how = f"pixelwire replay show {destination.id} {replay_id} --follow"
        click.echo(f"the replay goes on; watch it: {how}", err=True)
        raise
    if is_json:
        print_json(row)
    else:
        told = f"{row['sent']} events sent, {row['filtered']} filtered, {row['dead']} dead letters"
        click.echo(f"the replay is {row['state']}: {told}")
    return Exit.OK if row["state"] == "done" else Exit.FAILED


def _rows(catalog: Catalog, place: Path, destination: Destination) -> list[dict[str, Any]]:
    with Deliveries(place) as deliveries:
        return replay_rows(catalog, deliveries, destination, SystemClock().now_ms())


def _row(catalog: Catalog, place: Path, destination: Destination, replay_id: str | None) -> dict[str, Any]:
    """One of them, the newest when it is not named."""
    for row in _rows(catalog, place, destination):
        if replay_id in (None, row["id"]):
            return row
    hint = "see `pixelwire replay list`"
    raise NotFound(f"{destination.name} has no replay {replay_id or 'yet'}", hint=hint)
