"""The product's promise, as read back from a running server after load."""

from collections import Counter

from support.load import Connection, Ledger
from support.server import Server
from support.waiting import wait_until

SETTLE_S = 5.0  # the ledger of the server follows within a second


def check_promise(server: Server, ledger: Ledger) -> None:
    """What was acknowledged is stored, once, and counted; every request is accounted for."""
    assert ledger.wrong == []
    stored = Counter(event["message_id"] for event in server.events())
    acknowledged = set(ledger.acknowledged)
    assert not acknowledged - stored.keys(), "acknowledged and not stored"
    assert stored.total() == len(stored), "stored twice"
    doubtful = ledger.unanswered + ledger.outcomes["failed unconfirmed"]
    assert len(acknowledged) <= len(stored) <= len(acknowledged) + doubtful
    assert len(acknowledged) <= server.counted() <= ledger.sent
    assert server.counted() == len(stored)
    check_accounts(server, ledger, len(stored))


def check_accounts(server: Server, ledger: Ledger, stored: int) -> None:
    """received = stored + duplicate + filtered + refused + failed, but for requests nobody answered."""

    def difference() -> str:
        sums = server.outcomes()
        unaccounted = sums["received"] - (sums.total() - sums["received"])
        if 0 <= unaccounted <= ledger.unanswered and sums["stored"] == stored:
            return ""
        return f"{dict(sums)}; {stored} events; {ledger.unanswered} requests unanswered"

    wait_until(lambda: not difference(), SETTLE_S, "the accounts agree", last=difference)


def check_receipts(server: Server, message_ids: list[str]) -> None:
    """Each of these ids has a receipt that says so."""
    connection = Connection(server.manage_port)
    missing = []
    for message_id in message_ids:
        answer = connection.get(
            f"/api/v1/pixels/{server.facts['pixel_id']}/events/{message_id}",
            headers=f"Authorization: Bearer {server.facts['token']}\r\n",
        )
        if answer.status != 200 or f'"{message_id}"'.encode() not in answer.body:
            missing.append((message_id, answer.status))
    connection.close()
    assert missing == []
