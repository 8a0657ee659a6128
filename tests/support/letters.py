"""Dead letters: put into delivery.db by hand, and a receiver that makes them."""

import apsw
import msgspec
from aiohttp import web

from support.receiver import Answer, Receiver


def insert_letter(
    connection: apsw.Connection,
    destination: int,
    seq: int,
    *,
    reason: str = "400",
    attempts: int = 1,
    died_ms: int = 3_000,
    payload: bytes | None = None,
    number: int | None = None,
) -> int:
    """Of an event of pixel 1; its number."""
    connection.execute(
        "INSERT INTO dead_letter"
        " (destination, home, seq, pixel, message_id, attempts, reason, died_ms, payload, number)"
        " VALUES (?1, ?1, ?2, 1, 'm', ?3, ?4, ?5, ?6, ?7)",
        (destination, seq, attempts, reason, died_ms, payload or b"{%d}" % seq, number),
    )
    return connection.last_insert_rowid()


class Mood:
    """What a receiver does with whose events. Everything else is taken."""

    def __init__(self) -> None:
        self.refused: set[str] = set()  # visitors: 422
        self.busy: set[str] = set()  # visitors: 503

    def receiver(self) -> Receiver:
        def decide(request: web.Request, body: bytes) -> Answer:
            visitor = msgspec.json.decode(body)["anonymousId"]
            if visitor in self.refused:
                return web.Response(status=422, text=f"no {visitor}")
            return web.Response(status=503 if visitor in self.busy else 200)

        return Receiver(decide)
