"""`pixelwire pixel key`: the write keys under which a pixel collects."""

from pathlib import Path
from typing import Final

import click

from pixelwire.catalog.store import Catalog
from pixelwire.catalog.write_keys import WriteKey
from pixelwire.cli import options
from pixelwire.cli.output import print_fields, print_json, print_table
from pixelwire.cli.rows import opened, pixel_of, row_of
from pixelwire.errors import NotFound

COLUMNS: Final = ["key", "enabled", "id", "created_at"]


@click.group()
def key() -> None:
    """Add, show and switch a pixel's write keys. KEY is a key or its id."""


@key.command()
@click.argument("pixel")
@click.option("--import", "imported", metavar="KEY", help="A key that is out in tags already.")
@options.common
@options.as_json
def add(pixel: str, imported: str | None, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Give a pixel a further write key: a new one, or an imported one."""
    with opened(config, data_dir) as catalog:
        row = row_of(catalog.create_write_key(pixel_of(catalog, pixel).id, imported))
    (print_json if is_json else print_fields)(row)


@key.command("list")
@click.argument("pixel")
@options.common
@options.as_json
def list_(pixel: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show a pixel's write keys."""
    with opened(config, data_dir) as catalog:
        rows = [row_of(entry) for entry in catalog.write_keys(pixel_of(catalog, pixel).id)]
    if is_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, "no write key")


@key.command()
@click.argument("pixel")
@click.argument("write_key", metavar="KEY")
@options.common
def enable(pixel: str, write_key: str, config: Path | None, data_dir: str | None) -> None:
    """Switch a write key on."""
    _switch(pixel, write_key, config, data_dir, is_enabled=True)


@key.command()
@click.argument("pixel")
@click.argument("write_key", metavar="KEY")
@options.common
def disable(pixel: str, write_key: str, config: Path | None, data_dir: str | None) -> None:
    """Switch a write key off; what comes with it is refused."""
    _switch(pixel, write_key, config, data_dir, is_enabled=False)


@key.command()
@click.argument("pixel")
@click.argument("write_key", metavar="KEY")
@options.common
def delete(pixel: str, write_key: str, config: Path | None, data_dir: str | None) -> None:
    """Forget a write key. The pixel's own id can only be switched off."""
    with opened(config, data_dir) as catalog:
        pixel_id = pixel_of(catalog, pixel).id
        found = _find(catalog, pixel_id, write_key)
        catalog.delete_write_key(pixel_id, found.id)
    click.echo(f"{found.key} is deleted")


def _switch(
    pixel: str, write_key: str, config: Path | None, data_dir: str | None, *, is_enabled: bool
) -> None:
    with opened(config, data_dir) as catalog:
        pixel_id = pixel_of(catalog, pixel).id
        found = _find(catalog, pixel_id, write_key)
        catalog.switch_write_key(pixel_id, found.id, is_enabled=is_enabled)
    click.echo(f"{found.key} is switched {'on' if is_enabled else 'off'}; workers know within a second")


def _find(catalog: Catalog, pixel_id: str, given: str) -> WriteKey:
    for entry in catalog.write_keys(pixel_id):
        if given in (entry.key, entry.id):
            return entry
    raise NotFound(f"the pixel has no write key {given!r}", hint="see `pixelwire pixel key list`")
