"""`pixelwire apply`: makes the catalog as a file declares it, after showing what that changes."""

import os
from pathlib import Path
from typing import Any, Final

import click

from pixelwire.apply.document import read_document
from pixelwire.apply.perform import perform
from pixelwire.apply.plan import Plan, make_plan
from pixelwire.cli import options
from pixelwire.cli.apply_report import plan_rows, print_plan
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_json
from pixelwire.cli.rows import opened
from pixelwire.errors import ConfigError
from pixelwire.record.reader import Reader

EPILOG: Final = """\b
Examples:
  pixelwire apply shop.toml --dry-run
  HOOK_SECRET=... pixelwire apply shop.toml
  pixelwire apply shop.toml --yes --json

\b
Exit codes: 0 as the file says (of a dry run: nothing to do); 2 the file is wrong, nothing was changed;
6 a dry run found something to do; 130 the question was answered with no.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Only show the difference; exit code 6 when there is one."
)
@options.common
@options.as_json
def command(
    file: Path, yes: bool, is_dry: bool, config: Path | None, data_dir: str | None, is_json: bool
) -> int:
    """Make businesses, pixels, write keys and destinations as FILE declares them.

    Shows the difference first and asks. All is done or nothing; what the file does not name stays.
    """
    document = read_document(file, os.environ)
    directory = options.settings(config, data_dir=data_dir).data_dir
    with opened(config, data_dir) as catalog:
        plan = make_plan(catalog, document.businesses)
        if problems := [*document.problems, *plan.problems]:
            raise ConfigError(problems)
        if not is_json:
            print_plan(plan)
        if plan.is_done or is_dry:
            return _end(plan, {}, is_dry=is_dry, is_json=is_json)
        if not yes:
            click.confirm("Do this?", abort=True, err=is_json)
        made = perform(catalog, plan, document.businesses, _head(directory))
    return _end(plan, made, is_dry=False, is_json=is_json)


def _end(plan: Plan, made: dict[str, str], *, is_dry: bool, is_json: bool) -> int:
    is_applied = not is_dry and not plan.is_done
    if is_json:
        row: dict[str, Any] = {**plan_rows(plan), "applied": is_applied, "made_pixels": made}
        print_json(row)
    elif is_applied:
        for name, pixel_id in made.items():
            click.echo(f"pixel {name}: {pixel_id}")
        click.echo("done; a running server knows within a second")
    return Exit.DIFFERENT if is_dry and not plan.is_done else Exit.OK


def _head(data_dir: Path) -> int:
    reader = Reader(data_dir)
    try:
        return reader.head()
    finally:
        reader.close()
