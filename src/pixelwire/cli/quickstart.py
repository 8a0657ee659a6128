"""`pixelwire quickstart`: a working server with a first pixel, in one command."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pixelwire.catalog.store import Catalog
from pixelwire.cli import first_steps, listening, options, quickstart_file
from pixelwire.cli.quickstart_file import Quickstart
from pixelwire.clock import SystemClock
from pixelwire.errors import Conflict, DataDirectoryError

if TYPE_CHECKING:
    from pixelwire.config import Settings
    from pixelwire.supervise import Bound

BUSINESS_NAME: Final = "My business"
PIXEL_NAME: Final = "My first pixel"
PIXEL_DOMAIN: Final = "http://localhost"
TOKEN_NAME: Final = "quickstart"  # noqa: S105 - a name, not a token
TRIES: Final = 5  # one more than there are things to make

EPILOG: Final = """\b
Examples:
  pixelwire quickstart
  pixelwire quickstart --data-dir /var/lib/pixelwire --port 8080 --manage-port 8081 --workers 2
  pixelwire quickstart --port 0 --manage-port 0 --json

\b
The first time it makes a business, a pixel and an admin token, and writes them to quickstart.json in the
data directory (for its owner only). Later starts find the same. Ctrl-C stops it.
"""


@click.command(epilog=EPILOG)
@options.server
@click.option("--json", "is_json", is_flag=True, help="Print one line of JSON when ready, and nothing else.")
def command(config: Path | None, is_json: bool, **flags: Any) -> int:
    """Make a first pixel and run the server."""
    settings = options.settings(config, **flags)
    chosen = prepare(settings.data_dir)
    from pixelwire import supervise, telemetry

    telemetry.configure(settings.log_format, settings.log_level)
    stdout = OwnStdout()

    def announce(bound: "Bound") -> None:
        addresses = listening.of_bound(settings, bound)
        listening.write(settings.data_dir, addresses)
        say = json_line if is_json else plain_text
        stdout.tell(say(settings, addresses, chosen))

    return supervise.serve(settings, announce=announce)


def prepare(data_dir: Path) -> Quickstart:
    """What is needed before serving: the file first, then the rows of its ids."""
    chosen = quickstart_file.read_or_create(data_dir, SystemClock())
    catalog = Catalog.open(data_dir)
    try:
        make_rows(catalog, chosen)
        if not catalog.authenticate(chosen.token):
            hint = "make another with `pixelwire token create`"
            click.echo(f"note: the token in quickstart.json was deleted; {hint}", err=True)
    finally:
        catalog.close()
    return chosen


def make_rows(catalog: Catalog, chosen: Quickstart) -> None:
    """The rows of a quickstart, those that are missing.

    The pixel comes last, in one transaction with its dataset and key, and no pixel is ever deleted: where
    it is, everything was made once, and a token that is gone was deleted by its owner. Where it is not, a
    start was cut short and is taken up again.
    """
    for _ in range(TRIES):
        try:
            if not catalog.has_pixel(chosen.pixel_id):
                _make_missing(catalog, chosen)
            return
        except Conflict:
            pass  # another quickstart is at it too: the next try finds more done
    raise DataDirectoryError("the first pixel could not be made", hint="is another quickstart running?")


def _make_missing(catalog: Catalog, chosen: Quickstart) -> None:
    if not catalog.authenticate(chosen.token):
        catalog.create_token(TOKEN_NAME, None, "admin", token=chosen.token)
    if not catalog.has_business(chosen.business_id):
        catalog.create_business(BUSINESS_NAME, id=chosen.business_id)
    catalog.create_pixel(
        chosen.business_id, PIXEL_DOMAIN, PIXEL_NAME, id=chosen.pixel_id, new_dataset_id=chosen.dataset_id
    )


def json_line(settings: "Settings", addresses: listening.Listening, chosen: Quickstart) -> str:
    """What a program needs to know, in one line."""
    told = addresses._asdict() | {
        "business_id": chosen.business_id,
        "pixel_id": chosen.pixel_id,
        "write_key": chosen.write_key,
        "dataset_id": chosen.dataset_id,
        "token": chosen.token,
    }
    return json.dumps(told) + "\n"


def plain_text(settings: "Settings", addresses: listening.Listening, chosen: Quickstart) -> str:
    """What a person needs to know."""
    return first_steps.text(
        first_steps.FirstSteps(
            pixel_url=addresses.pixel_url,
            manage_url=addresses.manage_url,
            business_id=chosen.business_id,
            pixel_id=chosen.pixel_id,
            write_key=chosen.write_key,
            token=chosen.token,
            data_dir=str(settings.data_dir.absolute()),
        )
    )


class OwnStdout:
    """The real stdout, for one announcement. Everything else that this process or a child prints goes to
    stderr from here on, so that nothing can come before it or after it.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def tell(self, text: str) -> None:
        """Prints and closes, so that who reads all of stdout is not kept waiting. Once."""
        try:
            with os.fdopen(self._descriptor, "wb") as stream:
                stream.write(text.encode("utf-8", "backslashreplace"))
        except BrokenPipeError:
            pass  # nobody listens any more; the server serves all the same
