"""`pixelwire destination test`: one event now, and what came back. Works on the files; asks no server."""

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.cli import options
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_fields, print_json
from pixelwire.cli.rows import destination_of, opened, pixel_of
from pixelwire.clock import SystemClock
from pixelwire.destinations.base import Surroundings
from pixelwire.manage.trial import Subject, made_subject, pixel_for, stored_subject, try_destination
from pixelwire.record.reader import Reader

BY_OUTCOME: Final = {"sent": Exit.OK, "misconfigured": Exit.USAGE}

EPILOG: Final = """\b
Examples:
  pixelwire destination test Warehouse
  pixelwire destination test Warehouse --pixel Shop --message-id 0190...

\b
Exit codes: 0 sent; 1 not sent, with the reason; 2 its options, filters or transforms are wrong.
"""


@click.command(epilog=EPILOG)
@click.argument("destination")
@click.option("--pixel", metavar="PIXEL", help="Whose event it is.  [default: the first it covers]")
@click.option("--message-id", metavar="ID", help="A stored event of the pixel.  [default: a made one]")
@options.common
@options.as_json
def test(
    destination: str,
    pixel: str | None,
    message_id: str | None,
    config: Path | None,
    data_dir: str | None,
    is_json: bool,
) -> int:
    """Send one event to a destination now and show what came back.

    It goes from here, past the queue, with the destination's transforms. A made event is marked: its id
    begins with pixelwire-test-, and "test" is true in its context and properties.
    """
    if message_id and not pixel:
        raise click.UsageError("--message-id needs --pixel")
    settings = options.settings(config, data_dir=data_dir)
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        subject = _subject(catalog, settings.data_dir, found, pixel, message_id)
    surroundings = Surroundings(SystemClock(), settings.allow_private_destinations)
    report = asyncio.run(try_destination(found, subject, surroundings))
    (print_json if is_json else print_fields)(msgspec.structs.asdict(report))
    return BY_OUTCOME.get(report.outcome, Exit.FAILED)


def _subject(
    catalog: Catalog, data_dir: Path, destination: Destination, pixel: str | None, message_id: str | None
) -> Subject:
    if pixel is None:
        pixels, _ = catalog.pixels(destination.business_id)
        return made_subject(pixel_for(destination, pixels), SystemClock())
    chosen = pixel_of(catalog, pixel)
    if message_id is None:
        return made_subject(chosen, SystemClock())
    reader = Reader(data_dir)
    try:
        return stored_subject(reader, chosen, message_id)
    finally:
        reader.close()
