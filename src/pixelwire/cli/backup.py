"""`pixelwire backup`: a copy of the store while the server runs."""

import os
from pathlib import Path
from typing import Final

import click

from pixelwire.backup.take import take
from pixelwire.cli import options
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_json
from pixelwire.cli.sizes import size_text
from pixelwire.clock import SystemClock

NICE: Final = 10  # the pixels come first

EPILOG: Final = """\b
Examples:
  pixelwire backup /mnt/backup/pixelwire
  pixelwire backup /mnt/backup/pixelwire --data-dir /var/lib/pixelwire
  pixelwire verify /mnt/backup/pixelwire

\b
Files of events that are full are copied once, so a second backup is quick. One that is cut short leaves the
backup before as it was. Bring it back with `pixelwire restore`.
"""


@click.command(epilog=EPILOG)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@options.common
@click.option(
    "--keep-removed", is_flag=True, help="Keep in the backup what retention has removed from the store."
)
@options.as_json
def command(
    directory: Path, config: Path | None, data_dir: str | None, keep_removed: bool, is_json: bool
) -> int:
    """Copy events, counts, configuration and the state of deliveries to DIRECTORY.

    The server may run or not.
    """
    settings = options.settings(config, data_dir=data_dir)
    os.nice(NICE)

    def say(what: str, name: str, size: int) -> None:
        if not is_json and what == "copied":
            click.echo(f"{what}  {name}  {size_text(size)}")

    report = take(settings.data_dir, directory, SystemClock(), keep_removed=keep_removed, say=say)
    made, copied, kept = report.manifest, report.copied, report.kept
    if is_json:
        print_json(
            {
                "store_id": made.store_id,
                "head": made.head,
                "taken_at": made.taken_at,
                "copied": {file.name: file.size for file in copied},
                "kept": {file.name: file.size for file in kept},
                "problems": report.problems,
                "notes": report.notes,
            }
        )
    else:
        click.echo(
            f"{directory} holds all events up to {made.head}: {len(copied)} files copied"
            f" ({size_text(sum(file.size for file in copied))}), {len(kept)} were there"
            f" ({size_text(sum(file.size for file in kept))})"
        )
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    for problem in report.problems:
        click.echo(f"error: {problem}", err=True)
    return Exit.FAILED if report.problems else Exit.OK
