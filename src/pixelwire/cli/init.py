"""`pixelwire init`: a configuration file that shows every setting, and an empty data directory."""

import json
import os
from pathlib import Path
from typing import Any, Final

import click

from pixelwire.catalog.store import Catalog
from pixelwire.cli import options
from pixelwire.errors import DataDirectoryError

FILE_NAME: Final = "pixelwire.toml"

EPILOG: Final = """\b
Examples:
  pixelwire init
  pixelwire init --config /etc/pixelwire.toml --data-dir /var/lib/pixelwire

\b
It changes nothing that is there: a second run is harmless.
"""


@click.command(epilog=EPILOG)
@options.common
def command(config: Path | None, data_dir: str | None) -> None:
    """Write a configuration file and make the data directory."""
    from pixelwire.config import load

    path = config or Path(FILE_NAME)
    if path.exists():
        click.echo(f"{path} is there already, and is left as it is")
    else:
        _write(path, template(data_dir))
        click.echo(f"{path} is written: every setting is in it, with its default")
    settings = load(path)
    if data_dir is not None and settings.data_dir.absolute() != Path(data_dir).absolute():
        raise click.UsageError(f"{path} says data_dir = {settings.data_dir}; change it there")
    _make(settings.data_dir)
    click.echo(f"{settings.data_dir} is ready")
    click.echo(NEXT.format(option=f" --config {path}" if config else ""))


NEXT: Final = """
Next:
  pixelwire business create "My shop"{option}
  pixelwire pixel create https://shop.example "Shop"{option}
  pixelwire token create me --role admin{option}
  pixelwire serve{option}"""


def template(data_dir: str | None) -> str:
    """The file: each setting with its meaning; those that keep their default as comments."""
    from pixelwire.config import Settings

    lines = ["# Pixelwire. PIXELWIRE_<NAME> in the environment wins over this file, flags win over both.", ""]
    for name, field in Settings.model_fields.items():
        default: Any = field.get_default(call_default_factory=True, validated_data={})
        lines.append(f"# {str(field.description)[:1].upper()}{str(field.description)[1:]}.")
        if name == "data_dir":
            place = str(Path(data_dir).absolute()) if data_dir else str(default)
            lines.append(f"{name} = {json.dumps(place)}")
        elif default is None:
            lines.append(f'# {name} = "https://pixel.example.org"')
        else:
            lines.append(f"# {name} = {json.dumps(default)}")
        lines.append("")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        hint = "name another with --data-dir, or make it writable"
        raise DataDirectoryError(f"{data_dir} can not be made: {error.strerror}", hint=hint) from error
    Catalog.open(data_dir).close()
