"""The group of commands: help, exit codes, and what a worker pays for the main script."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest

from pixelwire.cli.exits import BY_ERROR, Exit, ServerUnreachable, exit_of
from pixelwire.cli.group import COMMANDS, group
from pixelwire.errors import ConfigError, DiskFull, InvalidFields, NotFound, Unauthorized

Run = Callable[..., Any]


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [path] * bool(path) + [
        entry for name, child in below if child for entry in every_command(child, (*path, name))
    ]


def test_the_main_script_costs_a_worker_nothing() -> None:
    """Spawned workers import it again: it brings in no package of its own."""
    code = (
        "import sys; before = set(sys.modules); import pixelwire.cli.main; print(*set(sys.modules) - before)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) == {"pixelwire", "pixelwire.cli", "pixelwire.cli.main"}


def test_help_does_not_load_the_web_framework() -> None:
    """Help answers at once: validation and HTTP libraries stay out."""
    code = (
        "import sys; from pixelwire.cli.group import outcome; outcome(['--help']); "
        "print(*[name for name in ('pydantic', 'fastapi', 'granian', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("path", every_command(group), ids=" ".join)
def test_every_command_explains_itself(run: Run, path: tuple[str, ...]) -> None:
    """Help works for each, and says in a sentence what the command does."""
    ran = run(*path, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: pixelwire {' '.join(path)} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_examples(run: Run, name: str) -> None:
    """Nobody has to guess how a command is called."""
    ran = run(name, "--help")
    assert "Examples:" in ran.out
    assert f"pixelwire {name}" in ran.out


def test_an_unknown_command_or_option_is_wrong_usage(run: Run) -> None:
    """One line on stderr, exit code 2, and where to look."""
    for arguments in (["serv"], ["check", "--prot", "1"], ["pixel", "create"]):
        ran = run(*arguments)
        assert ran.code == Exit.USAGE
        assert ran.out == ""
        assert ran.err.startswith("error: ")
        assert ran.err.count("\n") == 1
        assert "--help)" in ran.err


def test_the_version_is_shown(run: Run) -> None:
    """`pixelwire --version` is one line."""
    assert run("--version").out.startswith("pixelwire 0.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["a"]), 2),
        (InvalidFields(["a"]), 2),
        (NotFound(), 3),
        (ServerUnreachable(), 4),
        (Unauthorized(), 5),
        (DiskFull(), 1),
    ],
)
def test_errors_have_exit_codes(error: Any, code: int) -> None:
    """A script can tell what to do from the status."""
    assert exit_of(error) == code


def test_no_error_hides_another_in_the_table() -> None:
    """A subclass comes before its parent, or its row would never be reached."""
    kinds = [kind for kind, _ in BY_ERROR]
    hidden = [
        later for index, later in enumerate(kinds) for earlier in kinds[:index] if issubclass(later, earlier)
    ]
    assert hidden == []


def test_completion_is_offered_for_bash() -> None:
    """click's completion finds our commands."""
    done = subprocess.run(
        [sys.executable, "-c", "from pixelwire.cli.main import main; main()"],
        env={"_PIXELWIRE_COMPLETE": "bash_complete", "COMP_WORDS": "pixelwire qui", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "plain,quickstart\n"
