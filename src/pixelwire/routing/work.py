"""An event while transforms change it, and what a transform is. Knows no verb."""

from typing import ClassVar, Protocol

from pixelwire.routing.payload import EventFacts, Object


class Work:
    """One event on its way through the transforms of a route. The payload is changed in place."""

    __slots__ = ("event", "failed_casts", "payload")

    def __init__(self, payload: Object, event: EventFacts | None) -> None:
        self.payload = payload
        self.event = event  # as it was recorded; None where no transform asks for it
        self.failed_casts = 0


class Transform(Protocol):
    """One step: a verb and what its owner declared for it."""

    verb: ClassVar[str]

    def apply(self, work: Work) -> str:
        """Why the event is filtered, "" when it is not. RouteFailed when it can not be done."""
