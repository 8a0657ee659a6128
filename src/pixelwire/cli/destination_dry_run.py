"""`pixelwire destination dry-run`: what a destination's filters and transforms would do. Sends nothing.

Works on the files, so it does not matter whether the server runs.
"""

import json
from pathlib import Path
from typing import Any

import click

from pixelwire.cli import options
from pixelwire.cli.destination_options import read_routing
from pixelwire.cli.output import print_json, printable
from pixelwire.cli.rows import destination_of, opened, pixel_of
from pixelwire.errors import InvalidFields
from pixelwire.limits import DRY_RUN_EVENTS_MAX
from pixelwire.manage.dry_runs import LAST_DEFAULT, DryRun, Wanted, dry_run, dry_run_rows
from pixelwire.record.reader import Reader
from pixelwire.routing.payload import RouteFailed, read
from pixelwire.routing.route import parse_route


@click.command("dry-run")
@click.argument("destination")
@click.option("--event", metavar="MESSAGE_ID", help="A stored event.")
@click.option("--payload", type=click.File("rb"), help="A payload as JSON, - for standard input.")
@click.option(
    "--last",
    type=click.IntRange(1, DRY_RUN_EVENTS_MAX),
    metavar="N",
    help=f"So many of the newest events.  [default: {LAST_DEFAULT}]",
)
@click.option("--pixel", metavar="PIXEL", help="Only its events; of a payload, whose event it would be.")
@click.option(
    "--routing", type=click.Path(path_type=Path), help="Try the filters and transforms of this file instead."
)
@options.common
@options.as_json
def dry_run_command(
    destination: str, config: Path | None, data_dir: str | None, is_json: bool, **given: Any
) -> None:
    """Show what filters and transforms would do to events; none is sent."""
    if sum(given[name] is not None for name in ("event", "payload", "last")) > 1:
        raise click.UsageError("give one of --event, --payload and --last")
    payload = None if given["payload"] is None else _payload(given["payload"].read())
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        declared: dict[str, Any] = {"filters": found.filters, "transforms": found.transforms}
        if given["routing"] is not None:
            declared = read_routing(given["routing"])
        route = parse_route(**declared)
        pixel_id = pixel_of(catalog, given["pixel"]).id if given["pixel"] else None
        wanted = Wanted(payload, given["event"], given["last"] or LAST_DEFAULT, pixel_id)
        reader = Reader(options.settings(config, data_dir=data_dir).data_dir)
        try:
            runs = dry_run(catalog, reader, found, route, wanted)
        finally:
            reader.close()
    if is_json:
        print_json({"events": dry_run_rows(runs)})
    else:
        _show(runs)


def _payload(raw: bytes) -> dict[str, Any]:
    try:
        return read(raw)
    except RouteFailed as exc:
        raise InvalidFields([f"--payload: {exc}"]) from exc


def _show(runs: list[DryRun]) -> None:
    for row in dry_run_rows(runs):
        reason = f" ({row['reason']})" if row["reason"] else ""
        what = " ".join(str(row[name]) for name in ("message_id", "call", "signal") if row[name])
        click.echo(f"{printable(what)}: {row['outcome']}{reason}")
        for step in row["steps"]:
            _show_step(step)
        if row["outcome"] == "sent":
            click.echo(f"  payload: {_json(row['payload'])}")
    outcomes = [run.explanation.outcome for run in runs]
    told = ", ".join(f"{outcomes.count(word)} {word}" for word in ("sent", "filtered", "failed"))
    click.echo(f"{told}; nothing was sent" if runs else "no stored event of its pixels", err=True)


def _show_step(step: dict[str, Any]) -> None:
    casts = f", {step['failed_casts']} not cast" if step["failed_casts"] else ""
    click.echo(f"  {printable(step['rule'])}: {step['reason'] or step['outcome']}{casts}")
    for change in step["changes"]:
        before, after = (_json(change[name]) if name in change else "-" for name in ("before", "after"))
        click.echo(f"    {printable(change['path'])}: {before} -> {after}")


def _json(value: object) -> str:
    return printable(json.dumps(value, ensure_ascii=False))
