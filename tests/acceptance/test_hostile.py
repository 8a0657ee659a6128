"""Hostile input against the real command: broken HTTP, bombs, odd encodings, the contract's cases mutated.

Deterministic by its seed, which is printed; HOSTILE_SEED=... runs one again.
"""

import os
import random
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.load import Connection
from support.processes import pss_bytes
from support.server import Server
from support.siege import Account, besiege
from support.waiting import wait_until

SEED = "2026"
WORKER_GROWTH_BYTES_MAX = 12 * 1_048_576  # of one worker, after the first fifth: its bounded tables fill
RECEIPTS_READ = 1_000
SETTLE_S = 10.0


def worker_bytes(server: Server) -> dict[int, int]:
    return {pid: pss_bytes(pid) for pid in server.children("worker")}


def check_receipts(server: Server, account: Account, chance: random.Random) -> None:
    """What was acknowledged is there, by the very text that the answer had."""
    connection = Connection(server.manage_port)
    sample = chance.sample(account.sample, min(RECEIPTS_READ, len(account.sample)))
    missing = []
    for message_id in sample:
        answer = connection.get(
            f"/api/v1/pixels/{server.facts['pixel_id']}/events/{message_id}",
            headers=f"Authorization: Bearer {server.facts['token']}\r\n",
        )
        if answer.status != 200:
            missing.append((unquote(message_id), answer.status))
    connection.close()
    assert missing == []
    assert sample


def check_accounts(server: Server, account: Account) -> None:
    """received = the sum of outcomes, and each is what was answered, up to what nobody waited for."""

    def agrees() -> bool:
        sums = server.outcomes()
        received = sums.pop("received")
        differences = [sums[word] - account.outcomes[word] for word in {*sums, *account.outcomes}]
        return (
            received == sums.total()
            and min(differences) >= 0
            and sum(differences) <= account.doubtful
            and server.counted() <= sums["stored"]
        )

    wait_until(agrees, SETTLE_S, "the accounts agree", last=lambda: f"{server.outcomes()}; {account}"[:3_000])


def withstand(server: Server, seed: str, requests: int) -> None:
    """The whole attack, and what must hold after it."""
    print(f"HOSTILE_SEED={seed}")
    before: dict[int, int] = {}
    account = besiege(
        server.port,
        server.facts["write_key"],
        seed=seed,
        requests=requests,
        pause=lambda: before.update(worker_bytes(server)),
    )
    print(account.sent, account.wrecks, account.doubtful, account.statuses, account.outcomes)
    assert account.wrong[:5] == []
    assert account.sent >= requests
    assert not [status for status in account.statuses if status >= 500]
    after = worker_bytes(server)
    assert after.keys() == before.keys(), "a worker died"
    growth = {pid: after[pid] - before[pid] for pid in after}
    print({pid: f"{amount / 1_048_576:.1f} MiB" for pid, amount in growth.items()})
    assert max(growth.values()) < WORKER_GROWTH_BYTES_MAX
    check_accounts(server, account)
    check_receipts(server, account, random.Random(seed))
    assert server.get("/readyz")["status"] == "ready"
    pixel = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1"
    connection = Connection(server.port)
    assert connection.get(pixel).headers["x-pixelwire-outcome"] == "stored"
    connection.close()
    assert "Traceback" not in server.log()
    assert "panicked" not in server.log()


def test_hostile_input_breaks_nothing(tmp_path: Path) -> None:
    """100,000 requests: no 500, nothing acknowledged is lost, memory stays, the ledger is exact."""
    with Server(tmp_path / "data") as server:
        withstand(server, os.environ.get("HOSTILE_SEED", SEED), 100_000)


@pytest.mark.soak
def test_a_million_hostile_requests_break_nothing(tmp_path: Path) -> None:
    """The same with another seed each time, ten times as long and with the same bounds."""
    with Server(tmp_path / "data") as server:
        withstand(server, os.environ.get("HOSTILE_SEED", f"{random.getrandbits(32):x}"), 1_000_000)
