"""A rate limit of the real command: from the setting to the visitor's answer and the owner's ledger."""

from pathlib import Path

from support.load import Connection
from support.pixels import GIF
from support.server import Server
from support.waiting import wait_until

SETTLE_S = 5.0


def test_who_asks_too_often_is_refused_and_counted(tmp_path: Path) -> None:
    """429 with the image and the time to wait, under its reason; nothing else is told to the ledger."""
    limits = {"PIXELWIRE_RATE_LIMIT_PER_ADDRESS": "1", "PIXELWIRE_RATE_LIMIT_BURST_S": "3"}
    with Server(tmp_path / "data", workers=1, environment=limits) as server:
        connection = Connection(server.port)
        target = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1"
        answers = [connection.get(target) for _ in range(50)]
        connection.close()
        stored = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status == 429]
        assert [answer.status for answer in answers[:3]] == [200] * 3
        assert len(stored) + len(refused) == 50
        assert len(stored) < 25
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
