"""`pixelwire business`: the tenants, who own pixels, datasets and destinations."""

from pathlib import Path
from typing import Final

import click

from pixelwire.catalog.checks import BUSINESS_TYPES
from pixelwire.cli import options
from pixelwire.cli.output import print_fields, print_json, print_table
from pixelwire.cli.rows import business_of, opened, row_of

COLUMNS: Final = ["id", "name", "type", "status", "created_at"]

EPILOG: Final = """\b
Examples:
  pixelwire business create "My shop"
  pixelwire business list --json
  pixelwire business rename "My shop" "Our shop"
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Make and show businesses. A business owns pixels and destinations."""


@command.command()
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(BUSINESS_TYPES), default="ADVERTISER", show_default=True)
@options.common
@options.as_json
def create(name: str, kind: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Make a business called NAME."""
    with opened(config, data_dir) as catalog:
        row = row_of(catalog.create_business(name, kind))
    (print_json if is_json else print_fields)(row)


@command.command("list")
@options.common
@options.as_json
def list_(config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show all businesses."""
    with opened(config, data_dir) as catalog:
        rows = [row_of(business) for business in catalog.businesses()]
    if is_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, "no business yet: make one with `pixelwire business create`")


@command.command()
@click.argument("business")
@click.argument("name")
@options.common
@options.as_json
def rename(business: str, name: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Call BUSINESS (its id or name) NAME from now on."""
    with opened(config, data_dir) as catalog:
        row = row_of(catalog.rename_business(business_of(catalog, business).id, name))
    (print_json if is_json else print_fields)(row)
