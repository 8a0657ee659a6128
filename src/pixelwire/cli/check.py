"""`pixelwire check`: reads the configuration as `serve` would and names every problem."""

from pathlib import Path
from typing import Any, Final

import click

from pixelwire.cli import options
from pixelwire.cli.output import print_json, print_table

EPILOG: Final = """\b
Examples:
  pixelwire check
  pixelwire check --config /etc/pixelwire.toml && systemctl restart pixelwire

\b
Exit codes: 0 the configuration is right; 2 it is not, and each problem has its line.
"""


@click.command(epilog=EPILOG)
@options.server
@options.as_json
def command(config: Path | None, is_json: bool, **flags: Any) -> None:
    """Check the configuration and show where each setting comes from."""
    from pixelwire.config import load_with_origins

    settings, origins = load_with_origins(config, **flags)
    values = settings.model_dump(mode="json")
    if is_json:
        print_json({name: {"value": values[name], "from": origins[name]} for name in values})
        return
    rows = [{"setting": name, "value": value, "from": origins[name]} for name, value in values.items()]
    print_table(rows, ["setting", "value", "from"], "")
