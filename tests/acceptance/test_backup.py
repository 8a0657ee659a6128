"""The real commands: a backup under load, killed or not, comes back with everything it promised."""

import json
import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import DAY_MS
from support.commands import environment, pixelwire
from support.keeping import START_MS, fill_days
from support.load import Connection, Load
from support.promise import check_promise, check_receipts
from support.server import COMMAND, Server
from support.stores import names, problems
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
KILLS = 12
BACKUPS = 3


def reach(load: Load, more: int) -> None:
    goal = load.acknowledged + more
    wait_until(lambda: load.acknowledged >= goal, 30, "load")


def test_what_was_acknowledged_before_a_backup_is_in_it(tmp_path: Path) -> None:
    """Backups under load refuse nobody; the last one, restored, has every id that was answered before it."""
    backup, again = tmp_path / "backup", tmp_path / "again"
    with Server(tmp_path / "data") as server:
        with Load(server.port, server.facts["write_key"], mark="backup") as load:
            for _ in range(BACKUPS):
                reach(load, 400)
                before = load.acknowledged_ids()
                pixelwire("backup", backup, "--data-dir", server.data_dir)
            reach(load, 200)
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        assert ledger.unanswered == 0
        check_promise(server, ledger)
        pixelwire("verify", "--data-dir", server.data_dir)
        server.stop()
    pixelwire("verify", backup)
    head = json.loads((backup / "manifest.json").read_text())["head"]
    pixelwire("restore", backup, "--data-dir", again)
    with Server(again) as restored:
        assert restored.facts["pixel_id"] == server.facts["pixel_id"]
        check_receipts(restored, before)
        assert restored.counted() == len(restored.events()) == head >= len(before)
        mine = next(message_id for message_id in before if message_id.startswith("own-"))
        assert fire(restored, mine) == "duplicate"
        with Load(restored.port, restored.facts["write_key"], mark="after") as load:
            reach(load, 200)
        assert restored.counted() == head + len(load.stop().acknowledged)
        pixelwire("backup", backup, "--data-dir", again)
    pixelwire("verify", backup)


def test_a_backup_survives_kills(tmp_path: Path) -> None:
    """kill -9 at any moment of a backup: the one before is whole, and the next one sweeps the rest away."""
    seed = int(os.environ.get("TEST_SEED", time.time_ns()))
    print(f"TEST_SEED={seed}")
    chance = random.Random(seed)
    data_dir, backup = tmp_path / "data", tmp_path / "backup"
    fill_days(data_dir, 5)
    pixelwire("backup", backup, "--data-dir", data_dir)
    former = (backup / "manifest.json").read_bytes()
    fill_days(data_dir, 40, first_ms=START_MS + 5 * DAY_MS)
    interrupted = 0
    for number in range(KILLS):
        spare = tmp_path / f"spare{number}"
        shutil.copytree(backup, spare)
        kill_after(chance.randint(8, 50), spare, ["backup", spare, "--data-dir", data_dir])
        interrupted += (spare / "manifest.json").read_bytes() == former
        assert problems(spare) == []
        pixelwire("backup", spare, "--data-dir", data_dir)
        assert problems(spare) == []
        assert len(names(spare)) == 45 + 3  # and the totals, the manifest, the lock
    assert interrupted


def kill_after(files: int, directory: Path, arguments: list[str | Path]) -> int:
    """kill -9 for a command once so many files are there; its exit status."""
    process = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.DEVNULL, env=environment())
    wait_until(lambda: is_over(process) or len(names(directory)) >= files, 30, "files are written")
    process.kill()
    return process.wait()


def is_over(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def test_a_server_does_not_start_on_half_a_restore(tmp_path: Path) -> None:
    """kill -9 while a backup is brought back: the directory is refused, and restored anew."""
    data_dir, backup, again = tmp_path / "data", tmp_path / "backup", tmp_path / "again"
    fill_days(data_dir, 60)
    pixelwire("backup", backup, "--data-dir", data_dir)
    kill_after(5, again, ["restore", backup, "--data-dir", again])
    if (again / "restoring").exists():
        said = pixelwire("serve", "--data-dir", again, "--port", "0", "--manage-port", "0", expects=1)
        assert "cut short" in said
    else:
        shutil.rmtree(again)
    pixelwire("restore", backup, "--data-dir", again)
    pixelwire("verify", again)


def test_destinations_wait_after_a_restore_until_they_are_let_go_on(tmp_path: Path) -> None:
    """The list says why and what to do; `resume` does it."""
    backup, again = tmp_path / "backup", tmp_path / "again"
    with Server(tmp_path / "data") as server:
        create = ["destination", "create", "webhook", "hook", "--option", "url=https://hook.invalid/"]
        pixelwire(*create, "--data-dir", server.data_dir)
        wait_until(lambda: destination(server.data_dir)["state"] in ("running", "down"), 10, "the courier")
        assert fire(server) == "stored"
        wait_until(lambda: destination(server.data_dir)["state"] == "down", 10, "nobody is there")
        pixelwire("backup", backup, "--data-dir", server.data_dir)
    pixelwire("restore", backup, "--data-dir", again)
    with Server(again) as restored:
        wait_until(lambda: destination(again)["state"] == "failed", 10, "the destination waits")
        assert "pixelwire destination resume" in destination(again)["reason"]
        pixelwire("destination", "resume", "hook", "--data-dir", again)
        wait_until(lambda: destination(again)["state"] in ("running", "down"), 10, "it goes on")
        assert restored.counted() == 1


def destination(data_dir: Path) -> dict[str, Any]:
    listed = json.loads(pixelwire("destination", "list", "--json", "--data-dir", data_dir))
    found: dict[str, Any] = listed[0]
    return found


def fire(server: Server, message_id: str = "") -> str:
    """The outcome of one more page view."""
    connection = Connection(server.port)
    target = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a&messageId={message_id}"
    answer = connection.get(target)
    connection.close()
    return answer.headers["x-pixelwire-outcome"]


def test_the_recipe_with_rclone_works_as_it_is_written(tmp_path: Path) -> None:
    """Both blocks of the page, with a directory as the remote: what comes back is whole."""
    if shutil.which("rclone") is None:
        pytest.fail("install rclone (Debian package `rclone`): the recipe in docs/backup.md is tried with it")
    data_dir, again = tmp_path / "data", tmp_path / "again"
    fill_days(data_dir, 3)
    blocks = re.findall(r"```bash\n(set -e\n.*?)```", (ROOT / "docs" / "backup.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    places = {
        "/var/backups/pixelwire-again": str(tmp_path / "fetched"),
        "/var/backups/pixelwire": str(tmp_path / "backup"),
        "s3:my-bucket/pixelwire": f":local:{tmp_path / 'remote'}",
        "/var/lib/pixelwire": str(again),
    }
    for place, here in places.items():
        blocks = [block.replace(place, here) for block in blocks]
    there, back = blocks
    variables = environment(
        PATH=f"{COMMAND.parent}:{os.environ['PATH']}",
        PIXELWIRE_DATA_DIR=str(data_dir),
        RCLONE_CONFIG=str(tmp_path / "rclone.conf"),
    )
    for script in (there, there, back):
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=60, env=variables
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert names(tmp_path / "remote") == names(tmp_path / "backup") - {"lock"}
    assert problems(again) == []
