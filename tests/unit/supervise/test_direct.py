"""The door without tasks: every request has its answer or an error, whatever becomes of the others."""

from typing import Any

from pixelwire.collect.fate import BatchResult
from pixelwire.event import Failure
from pixelwire.supervise.direct import answer
from support.pixels import WRITE_KEY, Visitor, scope_of

PAGE = f"writeKey={WRITE_KEY}&anonymousId=a1"


class FakeWatcher:
    """A request in granian's hands; `breaks` makes its connection refuse messages."""

    def __init__(self, scope: dict[str, Any], *, breaks: bool = False) -> None:
        self.scope = scope
        self.proto = self
        self.messages: list[dict[str, Any]] = []
        self.is_done = False
        self.error: BaseException | None = None
        self._breaks = breaks

    def send(self, message: dict[str, Any]) -> None:
        if self._breaks:
            raise RuntimeError("the client is gone")
        self.messages.append(message)

    def done(self) -> None:
        self.is_done = True

    def err(self, error: BaseException | None) -> None:
        self.error = error

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])


def page(*, breaks: bool = False) -> FakeWatcher:
    return FakeWatcher(scope_of("/pixel/v1/page", PAGE), breaks=breaks)


def test_what_needs_no_event_is_answered_at_once() -> None:
    """A path that is not ours."""
    watcher = FakeWatcher(scope_of("/", ""))
    answer(Visitor().app, watcher)
    assert (watcher.status, watcher.is_done) == (404, True)


def test_an_event_is_answered_when_its_fate_is_known() -> None:
    """Not before."""
    visitor = Visitor()
    visitor.outbox.waiting = []
    watcher = page()
    answer(visitor.app, watcher)
    assert not watcher.messages
    visitor.outbox.waiting[0].fate.tell(BatchResult(None))
    assert (watcher.status, watcher.is_done) == (200, True)
    assert dict(watcher.messages[0]["headers"])[b"x-pixelwire-outcome"] == b"stored"


def test_a_failed_batch_is_answered_so() -> None:
    """503, with its reason."""
    visitor = Visitor()
    visitor.outbox.fails_with = Failure.UNCONFIRMED
    watcher = page()
    answer(visitor.app, watcher)
    assert (watcher.status, watcher.is_done) == (503, True)


def test_a_connection_that_breaks_costs_nobody_else_an_answer() -> None:
    """The others of the same batch come after it."""
    visitor = Visitor()
    visitor.outbox.waiting = []
    broken, whole = page(breaks=True), page()
    answer(visitor.app, broken)
    visitor.outbox.shares_batch = True
    answer(visitor.app, whole)
    visitor.outbox.waiting[0].fate.tell(BatchResult(None))
    assert isinstance(broken.error, RuntimeError)
    assert not broken.is_done
    assert whole.status == 200


def test_a_bug_is_told_to_the_server() -> None:
    """It answers 500 and says so in its log; no request hangs."""
    watcher = FakeWatcher({"method": "GET"})
    answer(Visitor().app, watcher)
    assert isinstance(watcher.error, KeyError)
