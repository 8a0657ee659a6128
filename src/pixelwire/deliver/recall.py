"""Brings dead letters that their owner wants sent again back among one destination's parked events, as there
is room for them. Knows neither sending nor who ordered it.
"""

from typing import Final

from pixelwire.deliver.books import LETTERS_MAX, Books
from pixelwire.deliver.sender import Sender
from pixelwire.deliver.shared import Shared

AT_ONCE_MAX: Final = 250  # in one transaction


class Recall:
    def __init__(self, shared: Shared, number: int, books: Books, sender: Sender) -> None:
        self._ledger = shared.ledger
        self._number = number
        self._books = books
        self._sender = sender

    def announce(self) -> None:
        """There may be letters to be sent again."""
        self._books.letter_ended.set()

    async def run(self) -> None:
        while True:
            self._books.letter_ended.clear()
            room = min(LETTERS_MAX - self._books.letters, AT_ONCE_MAX)
            letters = self._ledger.to_recall(self._number, room) if room > 0 else []
            if letters:
                await self._books.recall(letters)
                self._sender.wake()
            else:
                await self._books.letter_ended.wait()
