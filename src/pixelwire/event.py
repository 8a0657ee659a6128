"""What an event is, and what becomes of a request. Values only: no I/O, no clock."""

from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec


class Call(IntEnum):
    """The two calls of the Pixel API. The numbers are on disk."""

    PAGE = 0
    TRACK = 1

    @property
    def word(self) -> str:
        return "track" if self else "page"


class Signal(IntEnum):
    """What an event counts as (wire.md 1.5). The numbers are on disk; 0 stands for none."""

    VIEW = 1
    PURCHASE = 2
    ADDTOCART = 3
    LEAD = 4
    SIGNUP = 5
    PRODUCT = 6
    CHECKOUT = 7
    CUSTOM_EVENT_1 = 11
    CUSTOM_EVENT_2 = 12
    CUSTOM_EVENT_3 = 13
    CUSTOM_EVENT_4 = 14
    CUSTOM_EVENT_5 = 15


NO_SIGNAL: Final = 0


class PixelEventType(StrEnum):
    """The event types of Spotify's pixel resource."""

    ADD_TO_CART = "ADD_TO_CART"
    LEAD = "LEAD"
    PAGE_VIEW = "PAGE_VIEW"
    PURCHASE = "PURCHASE"


PIXEL_EVENT_TYPES: Final[dict[int, PixelEventType]] = {
    Signal.VIEW: PixelEventType.PAGE_VIEW,
    Signal.PURCHASE: PixelEventType.PURCHASE,
    Signal.ADDTOCART: PixelEventType.ADD_TO_CART,
    Signal.LEAD: PixelEventType.LEAD,
    Signal.SIGNUP: PixelEventType.LEAD,
}


class Outcome(StrEnum):
    """What became of a request. BESIDE_OUTCOMES are tallied beside these, not among them."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    REFUSED = "refused"
    FAILED = "failed"


RECEIVED: Final = "received"  # requests that reached the pixel routes, counted apart from outcomes
DROPPED: Final = "dropped"  # parameters left out, by reason
UNHEARD: Final = "unheard"  # events whose peer named a client's address and is not trusted, by PeerKind
BESIDE_OUTCOMES: Final = frozenset({RECEIVED, DROPPED, UNHEARD})


class PeerKind(StrEnum):
    """Where a peer is from whom a word about the client was not taken."""

    PRIVATE = "private"  # it is near us: surely a proxy of our own
    PUBLIC = "public"  # a proxy in the world, or a visitor who claims something


class Failure(StrEnum):
    """Why an event could not be stored: ours, never the sender's fault (wire.md 1.4)."""

    DISK_FULL = "disk_full"
    QUEUE_FULL = "queue_full"
    RECORDER_UNREACHABLE = "recorder_unreachable"
    CATALOG_UNREACHABLE = "catalog_unreachable"
    UNCONFIRMED = "unconfirmed"


class Event(NamedTuple):
    """One accepted request, as it travels from a worker to the recorder.

    A plain tuple on the wire and in the insert statement: nothing is built a second time on the way.
    """

    pixel: int  # the pixel's number in the catalog
    received_ms: int
    call: int
    signal: int  # NO_SIGNAL or a Signal
    name: str | None  # a track's event name, cut for counting; None for a page
    key: int  # id_key() of the message id
    payload: bytes  # UTF-8 JSON
    extra: bytes  # UTF-8 JSON of Extra, or empty


class Extra(msgspec.Struct, omit_defaults=True):
    """What the receipt shows beside the payload."""

    dropped: list[tuple[str, str]] = []  # (key, reason), the first DROPPED_LISTED_MAX
    dropped_total: int = 0
    facts: dict[str, str] = {}


# Nearly every request has these two facts, so they are not stored with each: 50 bytes an event.
_USUAL_FACTS: Final = {"method": "GET", "http_version": "1.1"}
_NOTHING_UNUSUAL: Final = b"{}"
_encode: Final = msgspec.json.Encoder().encode
_decode_extra: Final = msgspec.json.Decoder(Extra).decode


def encode_extra(dropped: list[tuple[str, str]], dropped_total: int, facts: dict[str, str]) -> bytes:
    """An Extra as it is stored; `facts` have `method` and `http_version` among them."""
    unusual = {name: value for name, value in facts.items() if _USUAL_FACTS.get(name) != value}
    if not unusual and not dropped_total:
        return _NOTHING_UNUSUAL
    return _encode(Extra(dropped, dropped_total, unusual))


def decode_extra(stored: bytes) -> Extra:
    """What `encode_extra` was given; of no bytes, an Extra that says nothing."""
    if not stored:
        return Extra()
    extra = _decode_extra(stored)
    extra.facts = _USUAL_FACTS | extra.facts
    return extra


class StoredEvent(msgspec.Struct, frozen=True):
    """One event as read back from a segment."""

    seq: int
    pixel: int
    received_ms: int
    call: int
    signal: int
    payload: bytes
    extra: bytes


class Tally(NamedTuple):
    """One row of the ledger: how many requests of an hour ended this way.

    `outcome` is an Outcome, or RECEIVED (pixel 0, no reason), DROPPED or UNHEARD (pixel 0). `amount` may be
    negative: a worker that learns later what became of a batch corrects what was counted with it.
    """

    hour: int
    pixel: int  # 0: no known pixel
    outcome: str
    reason: str
    amount: int


def client_id_key(pixel: int, message_id: str) -> int:
    """The key of a client-given id: negative, spread evenly, so that duplicates are found by it."""
    digest = blake2b(b"%d:%s" % (pixel, message_id.encode("utf-8", "surrogatepass")), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) | -(1 << 63)


def own_id_key(message_id: str) -> int:
    """The key of an id of our own making, a UUIDv7: positive and in order of time.

    Millisecond (48 bits) and 15 of its random bits. Ids that grow keep the index append-only; a
    client can not reach this half of the key space, so it can not build chains in it.
    """
    return int(message_id[0:8] + message_id[9:13] + message_id[24:28], 16) & ((1 << 63) - 1)


def is_own_id_shape(message_id: str) -> bool:
    """Whether an id could be one of ours: a lower-case UUIDv7 in its canonical form."""
    if len(message_id) != 36 or message_id[14] != "7" or message_id != message_id.lower():
        return False
    groups = message_id.split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and all(
        character in "0123456789abcdef" for group in groups for character in group
    )


def is_client_key(key: int) -> bool:
    return key < 0


def normalise_name(name: str) -> str:
    """An event name as it is looked up: lower case, letters and digits only (wire.md 1.5)."""
    return "".join(character for character in name.lower() if character.isalnum())
