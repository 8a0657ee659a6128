"""`pixelwire apply` as it is typed: over an empty directory, and beside a server that runs."""

import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from pixelwire.destinations.signing import SIGNATURE_HEADER, is_signed
from support.commands import COMMAND_S, environment, pixelwire
from support.receiver import Arrival, ReceiverThread
from support.server import COMMAND, Server
from support.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "apply.toml"
SECRETS = {
    "WAREHOUSE_URL": "https://hooks.example/in?key=url-secret",
    "WAREHOUSE_SECRET": "0123456789-signing-secret",
    "ARCHIVE_KEY_ID": "AKIA-id-secret",
    "ARCHIVE_KEY": "archive-key-secret",
}
FILE = """
[[businesses]]
name = "Declared"

[[businesses.pixels]]
name = "Site"
domain = "https://site.example"
write_keys = ["key-in-mails"]

[[businesses.destinations]]
name = "Hook"
kind = "webhook"
pixels = ["Site"]
transforms = [{ set = { "context.via" = "apply" } }]

[businesses.destinations.options]
url = { env = "HOOK_URL" }
signing_secret = { file = "hook.secret" }
allow_private_addresses = true
"""


def applied(file: Path, data_dir: Path, *arguments: str, expects: int = 0, **variables: str) -> str:
    """What the command prints, on both streams; it ends as expected."""
    done = subprocess.run(
        [COMMAND, "apply", file, "--data-dir", data_dir, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_S,
        env=environment(**variables),
    )
    assert done.returncode == expects, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the example, and the file it names."""
    shutil.copy(EXAMPLE, tmp_path)
    (tmp_path / "warehouse.key").write_text("Bearer file-secret\n")
    return tmp_path


def test_the_example_is_applied_once(folder: Path) -> None:
    """To an empty directory, from nothing; the second time there is nothing to do. No secret is printed."""
    data_dir = folder / "data"
    pixelwire("init", "--config", folder / "pixelwire.toml", "--data-dir", data_dir)
    file = folder / EXAMPLE.name
    missing = applied(file, data_dir, "--yes", expects=2)
    assert missing.count("is not set") == len(SECRETS)
    told = applied(file, data_dir, "--dry-run", expects=6, **SECRETS)
    told += applied(file, data_dir, "--yes", **SECRETS)
    assert applied(file, data_dir, **SECRETS) == "nothing to do\n"
    changed = {**SECRETS, "ARCHIVE_KEY": "another-key-secret"}
    told += (last := applied(file, data_dir, "--dry-run", expects=6, **changed))
    assert "options.credentials: changed, not shown" in last
    told += pixelwire("destination", "list", "--json", "--data-dir", data_dir)
    assert "secret" not in told.replace("signing_secret", "").replace("secret_access_key", "")


def test_without_an_answer_nothing_is_done(folder: Path) -> None:
    """As in a script that forgot --yes."""
    data_dir = folder / "data"
    pixelwire("init", "--config", folder / "pixelwire.toml", "--data-dir", data_dir)
    assert "Do this?" in applied(folder / EXAMPLE.name, data_dir, expects=130, **SECRETS)
    assert pixelwire("business", "list", "--json", "--data-dir", data_dir).strip() == "[]"


def test_a_running_server_follows(tmp_path: Path) -> None:
    """A pixel that was declared collects at once, its events arrive, and a new secret signs the next one."""
    file, secret = tmp_path / "declared.toml", tmp_path / "hook.secret"
    file.write_text(FILE)
    secret.write_text("first-signing-secret\n")
    with ReceiverThread() as receiver, Server(tmp_path / "data", workers=1) as server:
        variables = {"HOOK_URL": receiver.url}
        told = applied(file, server.data_dir, "--yes", **variables)
        send = ("send", "page", "--data-dir", server.data_dir, "--write-key", "key-in-mails", "--message-id")
        pixelwire(*send, "m1")
        wait_until(lambda: len(receiver.arrivals) == 1, 15.0, "m1 arrived", last=server.log)
        secret.write_text("second-signing-secret\n")
        told += applied(file, server.data_dir, "--yes", **variables)
        wait_until(lambda: is_renewed(receiver.arrivals, send), 30.0, "the new secret signs", last=server.log)
        assert applied(file, server.data_dir, **variables).endswith("nothing to do\n")
        shown = pixelwire("destination", "show", "Hook", "--json", "--data-dir", server.data_dir)
    assert msgspec.json.decode(shown)["transforms"] == [{"set": {"context.via": "apply"}}]
    assert "signing-secret" not in told + server.log()
    assert "path-secret" not in told + server.log()


def is_renewed(arrivals: list[Arrival], send: tuple[str | Path, ...]) -> bool:
    """Whether the newest event is signed with the second secret; sends another one each time it is not."""
    newest = arrivals[-1]
    if is_signed("second-signing-secret", newest.body, newest.headers[SIGNATURE_HEADER], time.time()):
        return True
    count = len(arrivals)
    pixelwire(*send, f"m{count + 1}")
    wait_until(lambda: len(arrivals) > count, 15.0, "the next event arrived")
    return False
