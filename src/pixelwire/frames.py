"""What workers and the recorder say to each other over the unix socket. Bytes only: no socket here.

    +--------------------+---------------------------------------------+
    | length, u32 big    | msgpack array, its first element the kind   |
    | endian, of the rest|                                             |
    +--------------------+---------------------------------------------+

A worker says Hello once per connection, then sends Batches, each after the answer to the one before. Who only
wants to know how the recorder is sends a Probe.
"""

import struct

import msgspec

from pixelwire.event import Event, Tally
from pixelwire.limits import FRAME_BYTES_MAX

LENGTH = struct.Struct(">I")


class Hello(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """A worker connects and asks what became of its last batch (0: it has sent none)."""

    worker: int  # random, positive, new with every start of a worker
    last_number: int


class Batch(msgspec.Struct, array_like=True, tag=1):
    """Events and tallies to be committed in one transaction. Numbers grow by one per worker."""

    number: int
    tallies: list[Tally]
    events: list[Event]


class Welcome(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """The answer to Hello: was the last batch committed, and which of its events were duplicates."""

    state: str  # COMMITTED, ABSENT or UNKNOWN
    duplicates: list[int]


class Ack(msgspec.Struct, array_like=True, tag=3, frozen=True):
    """The answer to a Batch, given after the sync."""

    number: int
    status: str  # STORED, else an event.Failure
    duplicates: list[int]  # positions in the batch


class Probe(msgspec.Struct, array_like=True, tag=4, frozen=True):
    """How is the recorder? Asked by anybody, on a connection of its own."""

    suspects: list[int] = []  # numbers of segments that could not be read: it is to look at them


class Condition(msgspec.Struct, array_like=True, tag=5, frozen=True):
    """The answer to Probe, from the recorder's loop."""

    is_disk_full: bool  # the last commit did not fit
    housekeeping_failure: str  # why sealing does not get on; empty when it does


COMMITTED = "committed"
ABSENT = "absent"
UNKNOWN = "unknown"
STORED = "stored"

_encoder = msgspec.msgpack.Encoder()
_to_recorder: msgspec.msgpack.Decoder[Hello | Batch | Probe] = msgspec.msgpack.Decoder(Hello | Batch | Probe)
_to_worker: msgspec.msgpack.Decoder[Welcome | Ack | Condition] = msgspec.msgpack.Decoder(
    Welcome | Ack | Condition
)


def encode(message: Hello | Batch | Probe | Welcome | Ack | Condition) -> bytes:
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_to_recorder(body: bytes) -> Hello | Batch | Probe:
    """msgspec.MsgspecError when the bytes are not a message."""
    return _to_recorder.decode(body)


def decode_to_worker(body: bytes) -> Welcome | Ack | Condition:
    """msgspec.MsgspecError when the bytes are not a message."""
    return _to_worker.decode(body)


class FrameTooLong(ValueError):
    """The other side announced a frame beyond FRAME_BYTES_MAX: it is not one of ours."""


class Deframer:
    """Cuts a byte stream into frames; keeps what is not whole yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now, each without its length. FrameTooLong ends the stream."""
        buffer = self._buffer
        buffer += data
        frames = []
        at = 0
        while len(buffer) - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, at)
            if length > FRAME_BYTES_MAX:
                raise FrameTooLong(length)
            end = at + LENGTH.size + length
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[at + LENGTH.size : end]))
            at = end
        if at:
            del buffer[:at]
        return frames
