"""`pixelwire destination test`: one event now, and what came back. Works on the files; asks no server."""

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec

from pixelwire.cli import options
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_fields, print_json
from pixelwire.cli.rows import destination_of, opened, pixel_of
from pixelwire.clock import SystemClock
from pixelwire.destinations.base import Surroundings
from pixelwire.manage.trial import choose_subject, try_destination
from pixelwire.record.reader import Reader

BY_OUTCOME: Final = {"sent": Exit.OK, "misconfigured": Exit.USAGE}

EPILOG: Final = """\b
Examples:
  pixelwire destination test Warehouse
  pixelwire destination test Warehouse --event 0190...

\b
Exit codes: 0 sent; 1 not sent, with the reason; 2 its options, filters or transforms are wrong.
"""


@click.command(epilog=EPILOG)
@click.argument("destination")
@click.option("--event", metavar="MESSAGE_ID", help="A stored event.  [default: one made for the test]")
@click.option("--pixel", metavar="PIXEL", help="Whose event it is.  [default: any that it covers]")
@options.common
@options.as_json
def test(
    destination: str,
    event: str | None,
    pixel: str | None,
    config: Path | None,
    data_dir: str | None,
    is_json: bool,
) -> int:
    """Send one event to a destination now and show what came back.

    It goes from here, past the queue, with the destination's transforms. A made event is marked: its id
    begins with pixelwire-test-, and "test" is true in its context and properties.
    """
    settings = options.settings(config, data_dir=data_dir)
    with opened(config, data_dir) as catalog:
        found = destination_of(catalog, destination)
        pixel_id = pixel_of(catalog, pixel).id if pixel else None
        reader = Reader(settings.data_dir)
        try:
            subject = choose_subject(
                catalog, reader, found, SystemClock(), pixel_id=pixel_id, message_id=event
            )
        finally:
            reader.close()
    surroundings = Surroundings(SystemClock(), settings.allow_private_destinations)
    report = asyncio.run(try_destination(found, subject, surroundings))
    (print_json if is_json else print_fields)(msgspec.structs.asdict(report))
    return BY_OUTCOME.get(report.outcome, Exit.FAILED)
