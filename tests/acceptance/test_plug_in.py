"""The worked example of a plug-in: installed as a package, checked by its own tests, really delivered to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.server import COMMAND, Server
from support.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
INSTALL = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
BROKEN = "[pixelwire.destinations]\nbroken = no_such_module:SPEC\nwebhook = no_such_module:SPEC\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's package as pip makes it, from its sources alone."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, *INSTALL, "--disable-pip-version-check", "--target", target, EXAMPLE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def beside(*folders: Path) -> dict[str, str]:
    """The variables under which Python finds what is in the folders as if it were installed."""
    return {
        "PYTHONPATH": os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
    }


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(COMMAND), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_its_own_tests_pass(installed: Path) -> None:
    """Against the installed package, with nothing of our suite: as its author runs them."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-c", str(EXAMPLE / "pyproject.toml"), str(EXAMPLE / "tests")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **beside(installed)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_events_are_delivered_to_it(installed: Path, tmp_path: Path) -> None:
    """A server beside which it is installed writes every event to the file, once, in order."""
    environment, file = beside(installed), tmp_path / "events.ndjson"
    with Server(tmp_path / "data", workers=1, environment=environment) as server:
        data_dir = ("--data-dir", server.data_dir)
        option = ("--option", f"path={file}")
        run(environment, "destination", "create", "line_file", "Lines", *option, *data_dir)
        run(environment, "destination", "check", "Lines", *data_dir)
        for number in range(3):
            run(environment, "send", "page", "--message-id", f"visit-{number}", *data_dir)
        wait_until(lambda: len(lines(file)) == 3, 15, "three lines", last=server.log)
        assert [line["message_id"] for line in lines(file)] == ["visit-0", "visit-1", "visit-2"]
        assert [line["payload"]["type"] for line in lines(file)] == ["page"] * 3
        wait_until(lambda: deliveries(server, "visit-2")["state"] == "sent", 15, "the receipt says so")


def test_one_that_is_broken_harms_no_other(installed: Path, tmp_path: Path) -> None:
    """It is told with its package; a name of ours stays ours; the others are there."""
    metadata = tmp_path / "careless-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: careless\nVersion: 2.0\n")
    (metadata / "entry_points.txt").write_text(BROKEN)
    told = run(beside(tmp_path, installed), "destination", "kinds", "--json")
    assert {"line_file", "webhook"} <= {row["kind"] for row in json.loads(told.stdout)}
    assert "broken" not in told.stdout
    assert told.stderr.splitlines() == [
        "`webhook` of careless 2.0 is ignored: Pixelwire has this kind itself",
        "`broken` of careless 2.0 can not be loaded (ModuleNotFoundError: No module named 'no_such_module'): "
        "install it anew",
    ]


def test_a_server_without_the_plug_in_keeps_its_events(installed: Path, tmp_path: Path) -> None:
    """After it was uninstalled its destination is paused with the reason; once it is back, all arrives."""
    environment, file = beside(installed), tmp_path / "events.ndjson"
    with Server(tmp_path / "data", workers=1) as server:
        data_dir = ("--data-dir", server.data_dir)
        option = ("--option", f"path={file}")
        run(environment, "destination", "create", "line_file", "Lines", *option, *data_dir)
        run({}, "send", "page", "--message-id", "while-away", *data_dir)

        def paused() -> dict[str, Any] | None:
            (row,) = json.loads(run({}, "destination", "list", "--json", *data_dir).stdout)
            return row if row["state"] == "paused" else None

        row = wait_until(paused, 15, "paused", last=server.log)
        assert "kind: `line_file` is not known" in row["reason"]
        assert server.stop() == 0
    with Server(tmp_path / "data", workers=1, environment=environment) as server:
        run(environment, "destination", "resume", "Lines", *data_dir)
        wait_until(lambda: len(lines(file)) == 1, 15, "the event arrives", last=server.log)


def lines(file: Path) -> list[dict[str, Any]]:
    content = file.read_bytes() if file.exists() else b""
    return [json.loads(line) for line in content.splitlines()]


def deliveries(server: Server, message_id: str) -> dict[str, Any]:
    receipt = server.receipt(message_id)
    assert receipt is not None
    (delivery,) = receipt["deliveries"]
    return dict(delivery)
