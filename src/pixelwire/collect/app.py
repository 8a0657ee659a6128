"""The public listener as one ASGI callable: routes a request, has it made into an event, hands that to the
outbox and answers when it is safe. Knows no key, no payload and no disk.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple, Protocol

from pixelwire.clock import Clock
from pixelwire.collect import answers
from pixelwire.collect.answers import Answer
from pixelwire.collect.fate import BatchResult, Fate
from pixelwire.collect.headers import Headers, fold
from pixelwire.collect.intake import Accepted, Intake, Request
from pixelwire.collect.outbox import Pending
from pixelwire.event import DROPPED, Call, Event, Failure, Outcome
from pixelwire.times import hour_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CALLS: Final = {"/pixel/v1/page": Call.PAGE, "/pixel/v1/track": Call.TRACK}
ROBOTS: Final = "/robots.txt"


class Outgoing(Protocol):
    """What the app needs of an outbox."""

    def put(self, event: Event) -> Pending | Failure: ...
    def tally(self, hour: int, pixel: int, outcome: str, reason: str, amount: int = 1) -> None: ...
    def received(self, hour: int) -> None: ...


class Waiting(NamedTuple):
    """A request whose event is on its way to the disk."""

    fate: Fate
    position: int  # in its batch
    message_id: str
    dropped: int  # parameters
    headers: Headers

    def answer(self, result: BatchResult) -> Answer:
        if result.failure is not None:
            return answers.declined(Outcome.FAILED, result.failure, self.headers)
        outcome = Outcome.DUPLICATE if self.position in result.duplicates else Outcome.STORED
        return answers.stored(outcome, self.message_id, self.dropped, self.headers)


class PixelApp:
    def __init__(self, intake: Intake, outbox: Outgoing, clock: Clock) -> None:
        self._intake = intake
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request. Its body is never read."""
        taken = self.take(scope)
        answer = taken if isinstance(taken, Answer) else taken.answer(await taken.fate)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def take(self, scope: Scope) -> Answer | Waiting:
        """The answer to a request, or what it waits for: for a server that needs no task to wait."""
        method: str = scope["method"]
        headers = fold(scope["headers"])
        call = CALLS.get(scope["path"])
        if call is None or method not in ("GET", "HEAD"):
            taken: Answer | Waiting = _other(scope["path"], method, headers)
        else:
            taken = self._collect(call, scope, headers)
        if method == "HEAD" and isinstance(taken, Answer):
            return taken._replace(body=b"")
        return taken

    def _collect(self, call: Call, scope: Scope, headers: Headers) -> Answer | Waiting:
        received_ms = self._clock.now_ms()
        hour = hour_of(received_ms)
        self._outbox.received(hour)
        client = scope.get("client")
        request = Request(
            call,
            scope["method"],
            scope["query_string"],
            headers,
            client[0] if client else "",
            scope["http_version"],
        )
        taken = self._intake.take(request, received_ms)
        if not isinstance(taken, Accepted):
            self._outbox.tally(hour, taken.pixel, taken.outcome, taken.reason)
            return answers.declined(taken.outcome, taken.reason, headers)
        pending = self._outbox.put(taken.event)
        if isinstance(pending, Failure):
            self._outbox.tally(hour, taken.event.pixel, Outcome.FAILED, pending)
            return answers.declined(Outcome.FAILED, pending, headers)
        if taken.dropped:
            self._tally_dropped(hour, taken)
        return Waiting(pending.batch.fate, pending.position, taken.message_id, len(taken.dropped), headers)

    def _tally_dropped(self, hour: int, taken: Accepted) -> None:
        for reason, amount in Counter(reason for _, reason in taken.dropped).items():
            self._outbox.tally(hour, taken.event.pixel, DROPPED, reason, amount)


def _other(path: str, method: str, headers: Headers) -> Answer:
    """What is not a pixel: it leaves no trace in the ledger."""
    if path in CALLS:
        if method == "OPTIONS":
            return answers.preflight(headers)
        pair = answers.ALLOW_ROUTE
    elif path == ROBOTS:
        if method in ("GET", "HEAD"):
            return answers.ROBOTS
        pair = answers.ALLOW_ROBOTS
    else:
        pair = answers.NOT_FOUND
    return pair[answers.wants_image(headers)]
