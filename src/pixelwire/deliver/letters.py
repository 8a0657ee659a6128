"""The part of the read door to delivery.db that shows dead letters, and what became of orders about them."""

from typing import Any, Final

import msgspec

from pixelwire.catalog.wishes import Letters
from pixelwire.deliver.door import Door
from pixelwire.deliver.statements import load

DEAD_LETTERS_PAGE_MAX: Final = 1_000
_SQL: Final = load("letters.sql")


class DeadLetter(msgspec.Struct, frozen=True):
    """An event a destination refused for good."""

    number: int  # grows with every letter of the server
    seq: int  # negative: the event it was is not of this store any more
    pixel: int
    message_id: str
    attempts: int  # in all
    reason: str
    died_ms: int
    replay_id: str  # of the replay that sent it; "" on its first way
    is_retried: bool  # its owner wants it sent again, and that has not come to an end yet


class OrderState(msgspec.Struct, frozen=True):
    """How far the courier is with an order."""

    events: int  # it took effect on, up to now
    done_ms: int | None
    problem: str  # why it had no effect


class DeadLetters(Door):
    def dead_letters(
        self, destination_id: str, *, after: int = 0, limit: int = 100, reason: str = ""
    ) -> list[DeadLetter]:
        """Oldest first; `after` is the number of the last one seen. `reason` is a part of theirs."""
        limit = min(limit, DEAD_LETTERS_PAGE_MAX)
        return [
            DeadLetter(*_row(row)) for row in self._ask(_SQL["list"], destination_id, after, limit, reason)
        ]

    def dead_letter(self, destination_id: str, number: int) -> tuple[DeadLetter, bytes] | None:
        """One with its event's payload, as it was stored; None when the destination has no such."""
        for *row, payload in self._ask(_SQL["one"], destination_id, number):
            return DeadLetter(*_row(row)), payload
        return None

    def dead_letters_meant(self, destination_id: str, letters: Letters) -> int:
        """How many an order would concern now: those being sent again are not among them."""
        if letters.number is not None:
            found = self.dead_letter(destination_id, letters.number)
            return int(found is not None and not found[0].is_retried)
        conditions = (letters.reason, letters.from_ms, letters.to_ms)
        return sum(row[0] for row in self._ask(_SQL["amount"], destination_id, *conditions))

    def order(self, order_id: str) -> OrderState | None:
        """None for one that the courier has not taken yet."""
        rows = self._ask(_SQL["order"], order_id)
        return OrderState(*rows[0]) if rows else None


def _row(row: Any) -> list[Any]:
    *values, is_retried = row
    return [*values, bool(is_retried)]
