"""`pixelwire verify`: proves a store or a backup whole, or lists what is wrong."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from pixelwire.backup.verify import verify
from pixelwire.cli import options
from pixelwire.cli.backup import NICE
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_json

EPILOG: Final = """\b
Examples:
  pixelwire verify
  pixelwire verify /mnt/backup/pixelwire

\b
Every event is read and counted again, which takes a while. Exit codes: 0 all is well; 1 something is wrong,
a line each.
"""


@click.command(epilog=EPILOG)
@click.argument("directory", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@options.common
@options.as_json
def command(directory: Path | None, config: Path | None, data_dir: str | None, is_json: bool) -> int:
    """Check the backup or data directory DIRECTORY: files, counts, ids, cursors.

    Without it the data directory of the configuration; the server may run.
    """
    place = directory or options.settings(config, data_dir=data_dir).data_dir
    os.nice(NICE)
    is_watched = sys.stderr.isatty()

    def say(what: str) -> None:
        if is_watched:
            click.echo(f"\r\033[K{what}", nl=False, err=True)

    report = verify(place, say=say)
    if is_watched:
        click.echo("\r\033[K", nl=False, err=True)
    if is_json:
        print_json(report._asdict())
    else:
        for problem in report.problems:
            click.echo(f"error: {problem}", err=True)
        if not report.problems:
            click.echo(
                f"{place} is whole: {report.events} events in {report.segments} files, up to {report.head}"
            )
    return Exit.FAILED if report.problems else Exit.OK
