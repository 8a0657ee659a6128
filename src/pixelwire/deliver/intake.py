"""Fills one destination's backlog from the events on disk. Knows neither sending nor its results."""

from pixelwire.deliver.books import Books
from pixelwire.deliver.course import EVERYTHING, Choice, Course
from pixelwire.deliver.routes import Routes
from pixelwire.deliver.sender import Sender
from pixelwire.deliver.shared import Shared


class Intake:
    def __init__(
        self,
        shared: Shared,
        number: int,
        books: Books,
        sender: Sender,
        routes: Routes,
        course: Course = EVERYTHING,
    ) -> None:
        self._shared = shared
        self._number = number
        self._books = books
        self._backlog = books.backlog
        self._sender = sender
        self._routes = routes
        self._course = course
        self._choice = Choice(course)
        self._head = 0
        self._pixels: frozenset[int] = frozenset()
        self._news = sender.settled

    def announce(self, head: int, pixels: frozenset[int]) -> None:
        """Events up to `head` may be read, those of `pixels` are wanted.

        The pixels must have been looked up after the head: then no event of a pixel that was just made is
        passed by for not being among them.
        """
        head, pixels = self._course.head(head), self._course.pixels_of(pixels)
        if head > self._head or pixels != self._pixels:
            self._head, self._pixels = head, pixels
            self._news.set()

    async def run(self) -> None:
        settled_to = self._shared.ledger.settled_to(self._number)
        while True:
            await self._wanted()
            head, after = self._head, self._backlog.scanned_to
            page = await self._shared.source.page(after, self._pixels, self._backlog.bounds)
            scanned_to = min(page.scanned_to, head)
            skipped: set[int] = set()
            if after < settled_to:
                skipped = self._shared.ledger.settled_between(self._number, after, scanned_to)
            events = [event for event in page.events if event.seq <= head and event.seq not in skipped]
            going, held = await self._routes.choose(self._choice.of(events))
            if page.missed_to > after:
                self._books.missed(after + 1, page.missed_to)
            parked = self._books.admit(going, scanned_to, held)
            self._sender.wake()
            if parked is not None:
                await parked.wait()  # rows that wait for the disk are in memory
            self._backlog.reached()

    async def _wanted(self) -> None:
        while self._head <= self._backlog.scanned_to or not self._backlog.wants_more:
            self._news.clear()
            await self._news.wait()
