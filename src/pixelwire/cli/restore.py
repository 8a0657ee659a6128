"""`pixelwire restore`: a backup becomes a data directory again."""

from pathlib import Path
from typing import Final

import click

from pixelwire.backup.restore import restore
from pixelwire.cli import options
from pixelwire.cli.output import print_json
from pixelwire.cli.sizes import size_text
from pixelwire.clock import SystemClock

EPILOG: Final = """\b
Examples:
  pixelwire restore /mnt/backup/pixelwire --data-dir /var/lib/pixelwire
  pixelwire restore /mnt/backup/pixelwire --data-dir /var/lib/pixelwire --accept-cursors

\b
Destinations wait after a restore, because what was sent since the backup may be sent again: let each go on
with `pixelwire destination resume`, or all of them at once with --accept-cursors.
"""


@click.command(epilog=EPILOG)
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@options.common
@click.option("--accept-cursors", is_flag=True, help="Let destinations go on where the backup was taken.")
@options.as_json
def command(
    directory: Path, config: Path | None, data_dir: str | None, accept_cursors: bool, is_json: bool
) -> None:
    """Bring the backup in DIRECTORY back into an empty data directory."""
    settings = options.settings(config, data_dir=data_dir)

    def say(name: str, size: int) -> None:
        if not is_json:
            click.echo(f"restored  {name}  {size_text(size)}")

    report = restore(directory, settings.data_dir, SystemClock(), accept_cursors=accept_cursors, say=say)
    made = report.manifest
    if is_json:
        print_json(
            {
                "store_id": report.store_id,
                "former_store_id": made.store_id,
                "head": made.head,
                "taken_at": made.taken_at,
                "cursors_accepted": accept_cursors,
            }
        )
        return
    click.echo(f"{settings.data_dir} is the store of {made.taken_at}, with all events up to {made.head}")
    if not accept_cursors:
        click.echo("destinations wait until you let them go on: `pixelwire destination resume DESTINATION`")
