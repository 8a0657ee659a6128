"""What a destination is: the public seam that plug-ins are written against. Knows no destination, no engine.

A destination is one file with a `SPEC`. The engine reads, filters, orders, retries and remembers; a
destination only turns a batch into one send and says what came of each item. docs/specs/destination.md is
the contract, `pixelwire.testing.check_destination` checks it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from pixelwire.clock import Clock
from pixelwire.destinations.options import OPERATOR_ONLY, TARGET, Options
from pixelwire.destinations.secret import Secret, SecretUrl
from pixelwire.errors import Misconfigured, Refused, Unreachable

__all__ = [
    "OPERATOR_ONLY",
    "TARGET",
    "Batch",
    "BatchLimits",
    "BatchResult",
    "Destination",
    "DestinationSpec",
    "GiveUp",
    "Item",
    "ItemResult",
    "Misconfigured",
    "Options",
    "Refused",
    "Retry",
    "Secret",
    "SecretUrl",
    "Sent",
    "Surroundings",
    "Unreachable",
]


class Item(msgspec.Struct, frozen=True):
    """One event on its way out."""

    seq: int  # its place in the store; the same at every attempt
    message_id: str  # the idempotency key; unique for a pixel
    pixel_id: str
    call: Literal["page", "track"]
    received_ms: int
    identity: str  # userId, else anonymousId, as the payload has it; "" for nobody
    attempt: int  # 1 at first
    payload: bytes  # UTF-8 JSON, as stored or as its owner's transforms made it
    replay: str = ""  # the id of the replay that sends it once more; "" on its first way


class Batch(msgspec.Struct, frozen=True):
    """Items of one send, in the order they were recorded, within the limits.

    No identity is in it twice, unless the destination `keeps_order`.
    """

    items: Sequence[Item]


class Sent(msgspec.Struct, frozen=True):
    """The destination confirmed the item: it has it and will keep it."""


class Retry(msgspec.Struct, frozen=True):
    """This attempt failed, another may succeed."""

    reason: str
    after_s: float | None = None  # the destination's own wish; the engine bounds it
    is_for_all: bool = False  # the wish holds for every item, as a rate limit does


class GiveUp(msgspec.Struct, frozen=True):
    """The destination will never take this item: it becomes a dead letter."""

    reason: str


ItemResult = Sent | Retry | GiveUp


class BatchResult(msgspec.Struct, frozen=True):
    """What came of a batch, item by item, in the batch's order."""

    results: Sequence[ItemResult]


class BatchLimits(msgspec.Struct, frozen=True):
    """How much a destination takes at once, and how many sends may be under way."""

    concurrency: int = 1
    events_max: int = 1
    bytes_max: int = 4 * 1_048_576  # of payloads; a single larger item still goes, alone
    linger_s: float = 0.0  # how long a batch that is not full may wait for more, from its oldest item on
    keeps_order: bool = False  # within a batch, so that several items of an identity may be in it


class Surroundings(msgspec.Struct, frozen=True):
    """What the server lends a destination."""

    clock: Clock
    allow_private_addresses: bool = False


class Destination(Protocol):
    """One target, opened once and used by several sends at a time.

    Every method may raise Unreachable (nobody is there: the engine waits and tries again) or Misconfigured
    (the owner must act: the engine pauses). `send` may also raise Refused, when the whole batch was refused
    for good and it is not known by which item's fault: the engine then sends its halves.
    """

    async def open(self) -> None:
        """Makes ready. Must not need the target to be up."""

    async def check(self) -> None:
        """Tries all that a send needs, without leaving an event there. Returns when a send would work."""

    async def send(self, batch: Batch) -> BatchResult:
        """One result for each item. Must be safe to cancel and to repeat."""

    async def close(self) -> None:
        """Lets go of everything; also after a failed open, and twice."""


O = TypeVar("O", bound=Options)  # noqa: E741 the name of a type


@dataclass(frozen=True)
class DestinationSpec(Generic[O]):
    """A kind of destination as one declaration."""

    kind: str  # what owners write; also the name of its module
    summary: str  # one line for people who choose
    options: type[O]
    build: Callable[[O, Surroundings], Destination]  # imports the library it needs; does no I/O
    batch_limits: Callable[[O], BatchLimits]
