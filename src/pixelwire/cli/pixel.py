"""`pixelwire pixel`: what sites embed, their settings and their write keys."""

from pathlib import Path
from typing import Any, Final

import click

from pixelwire.catalog.checks import ADDRESS_POLICIES, GPC_POLICIES, USER_AGENT_POLICIES
from pixelwire.catalog.pixels import PixelChanges
from pixelwire.cli import listening, options
from pixelwire.cli.first_steps import image_tag
from pixelwire.cli.output import print_fields, print_json, print_table
from pixelwire.cli.pixel_key import key
from pixelwire.cli.rows import all_pixels, business_of, opened, pixel_of, row_of

COLUMNS: Final = ["id", "name", "domain", "enabled", "business_id", "created_at"]

EPILOG: Final = """\b
Examples:
  pixelwire pixel create https://shop.example "Shop"
  pixelwire pixel tag Shop
  pixelwire pixel set Shop --address none --rule "Trial Started=LEAD"
  pixelwire pixel key add Shop --import a-key-that-is-out-in-mails
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Make, show and change pixels. PIXEL is an id or a name."""


@command.command()
@click.argument("domain")
@click.argument("name")
@click.option("--business", metavar="BUSINESS", help="Its owner, by id or name.  [default: the only one]")
@click.option("--dataset-id", metavar="ID", help="A dataset without a pixel.  [default: a new one]")
@options.common
@options.as_json
def create(domain: str, name: str, config: Path | None, data_dir: str | None, **given: Any) -> None:
    """Make a pixel called NAME for the site at DOMAIN (an http or https address)."""
    with opened(config, data_dir) as catalog:
        owner = business_of(catalog, given["business"])
        row = row_of(catalog.create_pixel(owner.id, domain, name, dataset_id=given["dataset_id"]))
    (print_json if given["is_json"] else print_fields)(row)


@command.command("list")
@click.option("--business", metavar="BUSINESS", help="Only those of this one, by id or name.")
@options.common
@options.as_json
def list_(business: str | None, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show pixels."""
    with opened(config, data_dir) as catalog:
        owner = business_of(catalog, business) if business else None
        rows = [row_of(pixel) for pixel in all_pixels(catalog, owner)]
    if is_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, "no pixel yet: make one with `pixelwire pixel create`")


@command.command()
@click.argument("pixel")
@options.common
@options.as_json
def show(pixel: str, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show one pixel with its settings and write keys."""
    with opened(config, data_dir) as catalog:
        found = pixel_of(catalog, pixel)
        row = row_of(found) | {"write_keys": [key.key for key in catalog.write_keys(found.id)]}
    (print_json if is_json else print_fields)(row)


@command.command()
@click.argument("pixel")
@click.option("--anonymous-id", default="anonymous", show_default=True, help="Whom the tag names.")
@options.common
def tag(pixel: str, anonymous_id: str, config: Path | None, data_dir: str | None) -> None:
    """Print the <img> tag that embeds a pixel."""
    with opened(config, data_dir) as catalog:
        found = pixel_of(catalog, pixel)
    settings = options.settings(config, data_dir=data_dir)
    click.echo(image_tag(listening.of_data_dir(settings).pixel_url, found.id, anonymous_id))


@command.command("set")
@click.argument("pixel")
@click.option("--name", help="Its name.")
@click.option("--domain", metavar="URL", help="The site it tracks.")
@click.option(
    "--address", type=click.Choice(ADDRESS_POLICIES), help="How much of visitors' addresses to keep."
)
@click.option("--user-agent", type=click.Choice(USER_AGENT_POLICIES), help="Whether to keep user agents.")
@click.option("--gpc", type=click.Choice(GPC_POLICIES), help="What to do about Global Privacy Control.")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="EVENT=SIGNAL",
    help="What an event counts as from now on; `EVENT=` for nothing. Adds to the rules there are.",
)
@click.option("--no-rules", is_flag=True, help="Forget all rules first.")
@options.common
@options.as_json
def set_(pixel: str, config: Path | None, data_dir: str | None, is_json: bool, **given: Any) -> None:
    """Change a pixel. What is stored and counted already stays as it is."""
    rules, forget = given.pop("rules"), given.pop("no_rules")
    with opened(config, data_dir) as catalog:
        found = pixel_of(catalog, pixel)
        if rules or forget:
            given["event_rules"] = ({} if forget else found.event_rules) | dict(_rule(rule) for rule in rules)
        row = row_of(catalog.change_pixel(found.id, PixelChanges(**given)))
    (print_json if is_json else print_fields)(row)


@command.command()
@click.argument("pixel")
@options.common
def enable(pixel: str, config: Path | None, data_dir: str | None) -> None:
    """Let a pixel collect (again)."""
    _switch(pixel, config, data_dir, is_enabled=True)


@command.command()
@click.argument("pixel")
@options.common
def disable(pixel: str, config: Path | None, data_dir: str | None) -> None:
    """Refuse what a pixel is sent. Its events and counts stay."""
    _switch(pixel, config, data_dir, is_enabled=False)


command.add_command(key)


def _switch(pixel: str, config: Path | None, data_dir: str | None, *, is_enabled: bool) -> None:
    with opened(config, data_dir) as catalog:
        found = catalog.change_pixel(pixel_of(catalog, pixel).id, PixelChanges(is_enabled=is_enabled))
    click.echo(f"{found.id} is {'enabled' if found.is_enabled else 'disabled'}; workers know within a second")


def _rule(text: str) -> tuple[str, str | None]:
    name, separator, signal = text.rpartition("=")
    if not separator:
        raise click.UsageError(f"--rule {text}: write it EVENT=SIGNAL")
    return name, signal.upper() or None
