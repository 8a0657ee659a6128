"""Options that several commands share, and the settings they lead to. Knows no command."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pixelwire.config import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

# Values of settings are given on as text: `config.load` then names all problems at once.
_COMMON = (
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar="PIXELWIRE_CONFIG",
        help="The configuration file.  [default: ./pixelwire.toml if it is there]",
    ),
    click.option("--data-dir", metavar="DIRECTORY", help="Where events and configuration lie."),
)
_SERVER = (
    click.option("--host", metavar="ADDRESS", help="Where pixels are served."),
    click.option("--port", metavar="PORT", help="The port for pixels; 0 takes a free one."),
    click.option("--manage-host", metavar="ADDRESS", help="Where the management API is served."),
    click.option("--manage-port", metavar="PORT", help="The port for management; 0 takes a free one."),
    click.option("--workers", metavar="N", help="Processes that answer pixels."),
    click.option("--public-url", metavar="URL", help="What browsers call this server, behind a proxy."),
    click.option("--log-format", metavar="text|json", help="How log lines look."),
    click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
)

as_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")


def common(command: Command) -> Command:
    """`--config` and `--data-dir`."""
    return _apply(command, _COMMON)


def server(command: Command) -> Command:
    """The settings of a server that have a flag."""
    return _apply(command, (*_COMMON, *_SERVER))


def settings(config: Path | None, **flags: Any) -> "Settings":
    """The settings a command works with. ConfigError with all problems."""
    from pixelwire.config import load

    return load(config, **flags)


def _apply(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
