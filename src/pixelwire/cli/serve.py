"""`pixelwire serve`: the server, by its configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pixelwire.cli import listening, options

if TYPE_CHECKING:
    from pixelwire.supervise import Bound

EPILOG: Final = """\b
Examples:
  pixelwire serve
  pixelwire serve --config /etc/pixelwire.toml
  PIXELWIRE_DATA_DIR=/var/lib/pixelwire PIXELWIRE_WORKERS=4 pixelwire serve

\b
Flags win over PIXELWIRE_* variables, and these over the file.
"""


@click.command(epilog=EPILOG)
@options.server
@click.option(
    "--take-over", is_flag=True, help="Replace the server that runs over the same data, refusing nobody."
)
def command(config: Path | None, take_over: bool, **flags: Any) -> int:
    """Run the server until it is told to stop (Ctrl-C or SIGTERM). SIGHUP reads the settings anew."""
    settings = options.settings(config, **flags)
    from pixelwire import supervise, telemetry

    telemetry.configure(settings.log_format, settings.log_level)

    def announce(bound: "Bound") -> None:
        addresses = listening.of_bound(settings, bound)
        listening.write(settings.data_dir, addresses)
        click.echo(f"Pixels at {addresses.pixel_url}, management at {addresses.manage_url}. Ctrl-C stops.")

    return supervise.serve(
        settings,
        announce=announce,
        reload=lambda: options.settings(config, **flags),
        takes_over=take_over,
    )
