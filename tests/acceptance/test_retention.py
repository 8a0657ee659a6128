"""The real command under load while retention removes what it has just stored: nobody is refused, every count
stays, and what is lost to a destination is said.
"""

import json
import os
import random
import time
from pathlib import Path

from support.commands import pixelwire
from support.load import Ledger, Load
from support.promise import doubtful
from support.server import Server
from support.stores import problems
from support.waiting import wait_until

PADDING = 24_000
SEGMENT_BYTES = 16 * 1_048_576  # the smallest there is
SEGMENT_EVENTS = SEGMENT_BYTES // PADDING
KEPT = 3  # segments
HARD = {"PIXELWIRE_RETENTION_HARD_BYTES": str(KEPT * SEGMENT_BYTES)}
ROUNDS = 6


def load_of(server: Server, mark: str) -> Load:
    return Load(server.port, server.facts["write_key"], mark=mark, padding_bytes=PADDING, connections=8)


def reach(load: Load, more: int) -> None:
    goal = load.acknowledged + more
    wait_until(lambda: load.acknowledged >= goal, 60, "load")


def size(data_dir: Path) -> int:
    return sum(path.stat().st_size for path in (data_dir / "events").iterdir())


def oldest(server: Server) -> int:
    return int(
        json.loads(pixelwire("retention", "show", "--json", "--data-dir", server.data_dir))["oldest_seq"]
    )


def test_nobody_is_refused_while_old_events_go(tmp_path: Path) -> None:
    """Twice the limit is sent: the size stays near it, each request is stored, each count is there; events
    that a disabled destination was to get keep a receipt that says `expired`."""
    with Server(tmp_path / "data", environment=HARD) as server:
        create = ["destination", "create", "webhook", "hook", "--option", "url=https://hook.invalid/"]
        pixelwire(*create, "--data-dir", server.data_dir)
        pixelwire("destination", "disable", "hook", "--data-dir", server.data_dir)
        with load_of(server, "retention") as load:
            reach(load, SEGMENT_EVENTS)
            first = load.acknowledged_ids()[0]
            reach(load, 2 * KEPT * SEGMENT_EVENTS)
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        assert (ledger.wrong, ledger.unanswered) == ([], 0)
        wait_until(lambda: size(server.data_dir) <= (KEPT + 2) * SEGMENT_BYTES, 20, "the rest is removed")
        assert server.counted() == len(ledger.acknowledged)
        assert oldest(server) > SEGMENT_EVENTS
        receipt = server.receipt(first)
        assert receipt is not None
        assert [delivery["state"] for delivery in receipt["deliveries"]] == ["expired"]
        assert "events_expired" in server.log()
        page = server.get(f"/api/v1/pixels/{server.facts['pixel_id']}/events", after=1, limit=1)
        assert page["missed"] == {"first": 2, "last": page["events"][0]["seq"] - 1}
        newest = server.receipt(load.acknowledged_ids()[-1])
        assert newest is not None
        assert newest["payload"]["properties"]["padding"] == "x" * PADDING
        server.stop()
    assert problems(tmp_path / "data") == []


def test_a_kill_in_the_middle_of_retention_loses_no_count(tmp_path: Path) -> None:
    """kill -9 of all processes again and again while segments are sealed, folded and removed."""
    seed = int(os.environ.get("TEST_SEED", time.time_ns()))
    print(f"TEST_SEED={seed}")
    chance = random.Random(seed)
    total = Ledger()
    with Server(tmp_path / "data", environment=HARD) as server:
        for number in range(ROUNDS):
            with load_of(server, f"r{number}") as load:
                reach(load, chance.randint(1, 2 * SEGMENT_EVENTS))
                server.kill_group()
            total.add(load.stop())
            server.start()
            acknowledged = len(total.acknowledged)
            assert acknowledged <= server.counted() <= acknowledged + doubtful(total)
        assert total.wrong == []
        server.stop()
    assert problems(tmp_path / "data") == []
    assert not (tmp_path / "data" / "events" / "000001.db").exists()
