"""The group of all commands: loads a command's file when it is asked for, and says errors in one line.

Knows the names of the commands and nothing of what they do.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from pixelwire import __version__, lifeline
from pixelwire.cli.exits import Exit, exit_of
from pixelwire.errors import ConfigError, InvalidFields, PixelwireError

COMMANDS: Final = (
    "quickstart",
    "init",
    "check",
    "serve",
    "business",
    "pixel",
    "token",
    "destination",
    "dead-letter",
    "replay",
    "apply",
    "send",
    "tail",
    "retention",
    "backup",
    "restore",
    "verify",
    "reconcile",
    "doctor",
)

EPILOG: Final = """\b
Examples:
  pixelwire quickstart                  a working server with a first pixel, here and now
  pixelwire init && pixelwire serve     a server with a configuration file
  pixelwire send page                   fires the pixel and shows what became of it
  pixelwire tail                        shows events as they arrive

\b
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found,
4 no server answers, 5 refused, 6 a dry run found something to do, 130 interrupted.
"""


class LazyGroup(click.Group):
    """Each command is the `command` of the module of its name, `-` being `_` there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(f"pixelwire.cli.{module}").command
        return command


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pixelwire", message="%(prog)s %(version)s")
def group() -> None:
    """Pixelwire, a self-hosted pixel server: a 200 means the event is on disk."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    lifeline.leave(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. Whatever went wrong has been said on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a visitor's odd text never ends a command
    try:
        result = group.main(arguments, prog_name="pixelwire", standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.OK
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "pixelwire"
        return _say([f"{error.format_message()} (see {where} --help)"], Exit.USAGE)
    except click.ClickException as error:
        return _say([error.format_message()], Exit.FAILED)
    except (ConfigError, InvalidFields) as error:
        return _say(error.problems, exit_of(error))
    except PixelwireError as error:
        return _say([str(error)], exit_of(error))
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone; leave nothing for the interpreter to flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _say([f"{name}{error.strerror or error}"], Exit.FAILED)


def _say(problems: Sequence[str], code: Exit) -> Exit:
    for problem in problems:
        click.echo(f"error: {' '.join(problem.split())}", err=True)
    return code
