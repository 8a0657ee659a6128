"""`pixelwire doctor`: looks at a server's surroundings and at its way to the world, and says what to do."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pixelwire.cli import listening, options, quickstart_file
from pixelwire.cli.client import Management, get
from pixelwire.cli.credentials import find_token
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_json, printable
from pixelwire.errors import ConfigError, DataDirectoryError

if TYPE_CHECKING:
    from pixelwire.config import Settings
    from pixelwire.doctor.checkup import Subject
    from pixelwire.doctor.finding import Finding

TIMEOUT_S: Final = 10.0
COLOURS: Final = {"ok": "green", "left out": "bright_black", "warn": "yellow", "fail": "red"}
NO_KEY: Final = "which pixel? there is no quickstart.json: give --write-key"
NOT_WANTED: Final = "--no-send was given"

EPILOG: Final = """\b
Examples:
  pixelwire doctor
  pixelwire doctor --config /etc/pixelwire.toml --json
  pixelwire doctor --write-key 0123... --token-file token

\b
It sends one event, a track called "Pixelwire Doctor" that counts as nothing else; --no-send leaves it out.
Run it on the server's machine as the server's user. Exit codes: 0 nothing failed, 1 something did.
"""


@click.command(epilog=EPILOG)
@options.common
@click.option("--public-url", metavar="URL", help="What browsers call this server.")
@click.option("--write-key", metavar="KEY", help="The pixel to send.  [default: quickstart.json's]")
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with a token to read it back.")
@click.option("--no-send", is_flag=True, help="Send no pixel.")
@options.as_json
def command(config: Path | None, is_json: bool, **given: Any) -> int:
    """Look for what is wrong, or will be, and say what to do.

    The server may run or not; what can not be looked at is said.
    """
    ours = {name: given.pop(name) for name in ("write_key", "token_file", "no_send")}
    from pixelwire.doctor import checkup, finding
    from pixelwire.doctor import settings as settings_check

    try:
        settings = options.settings(config, **given)
    except ConfigError as error:
        do = "mend it; `pixelwire check` shows every setting"
        findings = [finding.fail(settings_check.CHECK, problem, do) for problem in error.problems]
        findings.append(finding.left_out("all else", "the settings must be right first"))
        return _end(findings, is_json)
    found = []
    for each in checkup.examine(_subject(settings, **ours)):
        found.append(each)
        if not is_json:
            _show(each)
    return _end(found, is_json, is_shown=True)


def _subject(
    settings: "Settings", write_key: str | None, token_file: Path | None, no_send: bool
) -> "Subject":
    from pixelwire.doctor.checkup import Subject

    addresses = listening.of_data_dir(settings)
    try:
        known = quickstart_file.read(settings.data_dir)
    except DataDirectoryError:
        known = None  # another user's, or damaged: told by its own check, or not needed
    key = write_key or (known.write_key if known else None)
    token = find_token(token_file, known)
    management = Management(addresses.manage_url, token or "")

    def ready() -> Any:
        """A server that is not ready answers 503, and says why."""
        answer = get(f"{addresses.manage_url}/readyz", {}, timeout_s=TIMEOUT_S)
        return json.loads(answer.body)

    def read(path: str) -> Any:
        return management.read(path, {}, timeout_s=TIMEOUT_S).value

    return Subject(
        settings=settings,
        public_url=settings.public_url or addresses.pixel_url,
        write_key=None if no_send else key,
        why_not_sent=NOT_WANTED if no_send else NO_KEY,
        get=get,
        ready=ready,
        read=read if token else None,
    )


def _show(found: "Finding") -> None:
    word = click.style(f"{found.severity:<8}", fg=COLOURS[found.severity])
    click.echo(f"{word}  {found.check:<14}  {printable(found.found)}")
    if found.do:
        click.echo(f"{'':<26}-> {printable(found.do)}")


def _end(findings: list["Finding"], is_json: bool, *, is_shown: bool = False) -> int:
    from pixelwire.doctor.finding import Severity, worst

    if is_json:
        print_json({"worst": worst(findings), "findings": [finding._asdict() for finding in findings]})
    elif not is_shown:
        for finding in findings:
            _show(finding)
    return Exit.FAILED if worst(findings) is Severity.FAIL else Exit.OK
