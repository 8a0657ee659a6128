"""`pixelwire token`: who may use the management API."""

from pathlib import Path
from typing import Final

import click

from pixelwire.catalog.checks import ROLES
from pixelwire.cli import options
from pixelwire.cli.output import print_fields, print_json, print_table
from pixelwire.cli.rows import business_of, opened, row_of

COLUMNS: Final = ["id", "name", "role", "business_id", "created_at"]

EPILOG: Final = """\b
Examples:
  pixelwire token create report --role read --business "My shop"
  pixelwire token create ops --role admin
  pixelwire token delete 0190...

\b
read: GET. write: POST, PATCH and DELETE besides. admin: tokens besides. Without --business it reaches
every business, and as admin the server itself (metrics, outcomes).
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Make, show and delete tokens of the management API."""


@command.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="read", show_default=True)
@click.option("--business", metavar="BUSINESS", help="The one it reaches, by id or name.  [default: all]")
@options.common
@options.as_json
def create(
    name: str, role: str, business: str | None, config: Path | None, data_dir: str | None, is_json: bool
) -> None:
    """Make a token called NAME. It is shown this once and kept only as a hash."""
    with opened(config, data_dir) as catalog:
        owner = business_of(catalog, business).id if business else None
        row = row_of(catalog.create_token(name, owner, role))
    (print_json if is_json else print_fields)(row)


@command.command("list")
@options.common
@options.as_json
def list_(config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show all tokens, but not their text: that is known only when one is made."""
    with opened(config, data_dir) as catalog:
        rows = [row_of(token) for token in catalog.tokens()]
    if is_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, "no token yet: make one with `pixelwire token create`")


@command.command()
@click.argument("token_id")
@options.common
def delete(token_id: str, config: Path | None, data_dir: str | None) -> None:
    """Delete a token by its id; it stops working at once."""
    with opened(config, data_dir) as catalog:
        catalog.delete_token(token_id)
    click.echo(f"{token_id} is deleted")
