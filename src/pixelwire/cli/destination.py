"""`pixelwire destination`: where a business's events are sent."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.cli import options
from pixelwire.cli.destination_dry_run import dry_run_command
from pixelwire.cli.destination_options import collect, options_given, take_routing
from pixelwire.cli.destination_rows import described, option_rows, with_state
from pixelwire.cli.destination_trial import test
from pixelwire.cli.output import print_fields, print_json, print_table, printable
from pixelwire.cli.rows import business_of, destination_of, opened, pixel_of
from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Surroundings
from pixelwire.destinations.merge import merged
from pixelwire.record.reader import Reader

COLUMNS: Final = ["id", "name", "kind", "enabled", "state", "waiting", "dead", "reason"]

EPILOG: Final = """\b
Examples:
  pixelwire destination kinds webhook
  pixelwire destination create webhook "Warehouse" --option url=https://hooks.example/in \\
      --option-env signing_secret=HOOK_SECRET
  pixelwire destination create webhook "Archive" --options webhook.toml --from-start
  pixelwire destination set Archive --routing routing.toml
  pixelwire destination dry-run Archive --last 20
  pixelwire destination test Warehouse
  pixelwire destination list
  pixelwire destination resume Warehouse

\b
Secrets are best given by --option-env or --option-file: a command line is seen by other users.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Make, show and change destinations. DESTINATION is an id or a name."""


@command.command()
@click.argument("kind", required=False)
@options.as_json
def kinds(kind: str | None, is_json: bool) -> None:
    """Show the kinds of destinations, or the options of one KIND."""
    if kind is None:
        specs, problems = registry.survey()
        rows = [{"kind": spec.kind, "summary": spec.summary} for spec in specs]
        for problem in problems:
            click.echo(printable(problem), err=True)
    else:
        rows = option_rows(registry.spec(kind).options)
    if is_json:
        print_json(rows)
    else:
        print_table(rows, list(rows[0]) if rows else [], "no options")


@command.command()
@click.argument("kind")
@click.argument("name")
@click.option("--business", metavar="BUSINESS", help="Its owner, by id or name.  [default: the only one]")
@click.option("--pixel", "pixels", multiple=True, metavar="PIXEL", help="Only its events.  [default: all]")
@click.option("--from-start", is_flag=True, help="Send stored events too, and not only those to come.")
@options_given
@options.common
@options.as_json
def create(kind: str, name: str, config: Path | None, data_dir: str | None, **given: Any) -> None:
    """Send events to a destination of a KIND, called NAME here."""
    chosen = collect(kind, given["file"], given["pairs"], given["variables"], given["files"])
    routing = take_routing(chosen, given["routing"])
    registry.validate(kind, chosen)
    settings = options.settings(config, data_dir=data_dir)
    with opened(config, data_dir) as catalog:
        owner = business_of(catalog, given["business"])
        pixels = [pixel_of(catalog, pixel).id for pixel in given["pixels"]] or None
        start_after = 0 if given["from_start"] else _head(settings.data_dir)
        made = catalog.create_destination(owner.id, kind, name, chosen, pixels, start_after, **routing)
    _print(made, given["is_json"])


@command.command("list")
@click.option("--business", metavar="BUSINESS", help="Only those of this one, by id or name.")
@options.common
@options.as_json
def list_(business: str | None, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show destinations and how they are doing."""
    with opened(config, data_dir) as catalog:
        owner = business_of(catalog, business).id if business else None
        found = catalog.destinations(owner)
    rows = with_state(options.settings(config, data_dir=data_dir).data_dir, found)
    if is_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, "no destination yet: make one with `pixelwire destination create`")


@command.command()
@click.argument("destination")
@options.common
@options.as_json
def show(destination: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show one destination; its secrets stay hidden."""
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
    (row,) = with_state(options.settings(config, data_dir=data_dir).data_dir, [found])
    (print_json if is_json else print_fields)(row)


@command.command("set")
@click.argument("destination")
@click.option("--name", help="Its name.")
@options_given
@options.common
@options.as_json
def set_(destination: str, name: str | None, config: Path | None, data_dir: str | None, **given: Any) -> None:
    """Change a destination's name, its filters and transforms, or some of its options; the others stay."""
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        new = collect(found.kind, given["file"], given["pairs"], given["variables"], given["files"])
        routing = take_routing(new, given["routing"])
        chosen = merged(found.options, {}, new)
        registry.validate(found.kind, chosen)
        changed = catalog.change_destination(found.id, name=name, options=chosen, **routing)
    _print(changed, given["is_json"])


@command.command()
@click.argument("destination")
@options.common
def check(destination: str, config: Path | None, data_dir: str | None) -> None:
    """Ask a destination whether it would take events; none is sent."""
    settings = options.settings(config, data_dir=data_dir)
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
    surroundings = Surroundings(SystemClock(), settings.allow_private_destinations)
    asyncio.run(_check(found, surroundings))
    click.echo(f"{found.name} answers")


@command.command()
@click.argument("destination")
@options.common
def enable(destination: str, config: Path | None, data_dir: str | None) -> None:
    """Let a destination receive (again), from where it stopped."""
    with opened(config, data_dir) as catalog:
        _say(catalog.change_destination(_id(catalog, destination), is_enabled=True))


@command.command()
@click.argument("destination")
@options.common
def disable(destination: str, config: Path | None, data_dir: str | None) -> None:
    """Stop sending to a destination. Its place is kept, nothing is lost."""
    with opened(config, data_dir) as catalog:
        _say(catalog.change_destination(_id(catalog, destination), is_enabled=False))


@command.command()
@click.argument("destination")
@options.common
def resume(destination: str, config: Path | None, data_dir: str | None) -> None:
    """Try again with a destination that is paused, after mending what it complained about."""
    with opened(config, data_dir) as catalog:
        _say(catalog.resume_destination(_id(catalog, destination)))


@command.command()
@click.argument("destination")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.common
def delete(destination: str, yes: bool, config: Path | None, data_dir: str | None) -> None:
    """Forget a destination, with its place and what waits for it. Events stay."""
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        if not yes:
            click.confirm(f"Delete {found.name}? What waits for it is not sent", abort=True)
        catalog.delete_destination(found.id)
    click.echo(f"{found.name} is deleted")


command.add_command(dry_run_command)
command.add_command(test)


def _print(made: Destination, is_json: bool) -> None:
    (print_json if is_json else print_fields)(described(made))


def _say(changed: Destination) -> None:
    click.echo(f"{changed.name} is {'enabled' if changed.is_enabled else 'disabled'}")


def _id(catalog: Catalog, destination: str) -> str:
    return destination_of(catalog, destination).id


def _head(data_dir: Path) -> int:
    reader = Reader(data_dir)
    try:
        return reader.head()
    finally:
        reader.close()


async def _check(found: Destination, surroundings: Surroundings) -> None:
    built, _ = registry.build(found.kind, found.options, surroundings)
    try:
        await built.open()
        await built.check()
    finally:
        await built.close()
