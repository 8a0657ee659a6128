"""A rate limit of the real command: from the setting to the visitor's answer and the owner's ledger."""

import json
from pathlib import Path

from support.commands import pixelwire
from support.load import Answer, Connection
from support.pixels import GIF
from support.server import Server
from support.waiting import wait_until

SETTLE_S = 5.0
BURST = {"PIXELWIRE_RATE_LIMIT_BURST_S": "3"}


def asked(server: Server, times: int) -> tuple[list[Answer], list[Answer]]:
    """Answers to one visitor's requests, in a row: (stored, refused)."""
    connection = Connection(server.port)
    target = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1"
    answers = [connection.get(target) for _ in range(times)]
    connection.close()
    stored = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(stored) + len(refused) == times
    return stored, refused


def check_refused(server: Server, stored: list[Answer], refused: list[Answer]) -> None:
    """429 with the image and the time to wait, under its reason; nothing else is told to the ledger."""
    assert {answer.headers["x-pixelwire-reason"] for answer in refused} == {"rate_limited"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {answer.body for answer in refused} == {GIF}

    def refusals() -> list[tuple[str, int]]:
        told = server.get(f"/api/v1/pixels/{server.facts['pixel_id']}/outcomes")["outcomes"]
        return [(row["reason"], row["count"]) for row in told if row["outcome"] == "refused"]

    wait_until(
        lambda: refusals() == [("rate_limited", len(refused))], SETTLE_S, "it is counted", last=refusals
    )
    assert server.counted() == len(stored)


def test_who_asks_too_often_is_refused_and_counted(tmp_path: Path) -> None:
    """An address has its burst, and then so many a second."""
    limits = {"PIXELWIRE_RATE_LIMIT_PER_ADDRESS": "1", **BURST}
    with Server(tmp_path / "data", workers=1, environment=limits) as server:
        stored, refused = asked(server, 50)
        assert 3 <= len(stored) < 25
        check_refused(server, stored, refused)


def test_a_pixel_that_is_asked_for_too_often_is_refused_and_counted(tmp_path: Path) -> None:
    """By whomever: it has its burst over all addresses, and another pixel has its own."""
    limits = {"PIXELWIRE_RATE_LIMIT_PER_PIXEL": "1", **BURST}
    with Server(tmp_path / "data", workers=1, environment=limits) as server:
        stored, refused = asked(server, 50)
        assert 3 <= len(stored) < 25
        check_refused(server, stored, refused)
        create = ("pixel", "create", "https://other.example", "Other", "--json")
        told = pixelwire(*create, "--data-dir", server.data_dir)
        connection = Connection(server.port)
        other = connection.get(f"/pixel/v1/page?writeKey={json.loads(told)['id']}&anonymousId=a1")
        connection.close()
        assert other.headers["x-pixelwire-outcome"] == "stored"
