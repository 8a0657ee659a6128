"""The product's promise, as read back from a running server after load."""

from collections import Counter

from support.load import Connection, Ledger
from support.server import Server
from support.waiting import wait_until

SETTLE_S = 5.0  # the ledger of the server follows within a second


def check_promise(server: Server, ledger: Ledger, *, before: int = 0, lost: int = 0) -> None:
    """What was acknowledged is stored, once, and counted; every request is accounted for.

    `before`: events that lay in the store before the ledger began, and still do. `lost`: those that are
    counted and were damaged.
    """
    stored = check_stored(server, ledger, before=before, lost=lost)
    check_accounts(server, ledger, stored, others=before + lost)


def check_stored(server: Server, ledger: Ledger, *, before: int = 0, lost: int = 0) -> int:
    """What was acknowledged is stored, once, and counted; returns how many of the ledger's events are."""
    assert ledger.wrong == []
    stored = Counter(event["message_id"] for event in server.events())
    acknowledged = set(ledger.acknowledged)
    assert not acknowledged - stored.keys(), "acknowledged and not stored"
    assert stored.total() == len(stored), "stored twice"
    assert len(acknowledged) <= len(stored) - before <= len(acknowledged) + doubtful(ledger)
    assert len(stored) - before <= ledger.sent
    assert server.counted() == len(stored) + lost
    return len(stored) - before


def doubtful(ledger: Ledger) -> int:
    """Requests of which the sender can not know whether they were stored."""
    return ledger.unanswered + ledger.outcomes["failed unconfirmed"]


def check_accounts(server: Server, ledger: Ledger, stored: int, *, others: int = 0) -> None:
    """received = stored + duplicate + filtered + refused + failed, by what was answered; what nobody was
    answered may be in either sum. `others` were stored by nobody's request."""
    answered: Counter[str] = Counter()
    for outcome, amount in ledger.outcomes.items():
        answered[outcome.partition(" ")[0]] += amount

    def agrees(sums: Counter[str]) -> bool:
        sums["stored"] -= others
        unaccounted = sums["received"] - (sums.total() - sums["received"])
        return (
            0 <= unaccounted <= ledger.unanswered
            and all(0 <= sums[word] - answered[word] <= ledger.unanswered for word in answered)
            and sums["stored"] <= stored <= sums["stored"] + doubtful(ledger)
        )

    wait_until(
        lambda: agrees(server.outcomes()),
        SETTLE_S,
        "the accounts agree",
        last=lambda: (
            f"{server.outcomes()}; answered {answered}; {stored} stored; {ledger.unanswered} unanswered"
        ),
    )


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
