"""What workers and the recorder say to each other, as bytes."""

import msgspec
import pytest

from pixelwire import frames
from pixelwire.event import Tally
from pixelwire.limits import FRAME_BYTES_MAX
from support.events import make_batch, make_event


def whole(data: bytes) -> list[bytes]:
    return list(frames.Deframer().feed(data))


def test_a_batch_comes_back_as_it_was_sent() -> None:
    """Events and tallies survive the way, payload bytes untouched."""
    batch = make_batch(7, [make_event(payload={"x": "\u00fc\u0000"})], [Tally(1, 2, "refused", "x", 3)])
    (body,) = whole(frames.encode(batch))
    assert frames.decode_to_recorder(body) == batch


@pytest.mark.parametrize("message", [frames.Welcome(frames.ABSENT, []), frames.Ack(3, frames.STORED, [1, 2])])
def test_an_answer_comes_back_as_it_was_sent(message: frames.Welcome | frames.Ack) -> None:
    """Each kind of answer is told from the other."""
    (body,) = whole(frames.encode(message))
    assert frames.decode_to_worker(body) == message


def test_frames_are_cut_wherever_the_stream_was() -> None:
    """One byte at a time gives the same frames as all at once."""
    data = frames.encode(frames.Hello(1, 2)) + frames.encode(make_batch(1, [make_event()]))
    deframer = frames.Deframer()
    slowly = [body for at in range(len(data)) for body in deframer.feed(data[at : at + 1])]
    assert slowly == whole(data)
    assert len(slowly) == 2


def test_a_frame_beyond_the_bound_ends_the_stream() -> None:
    """A length that is not one of ours is never waited for."""
    with pytest.raises(frames.FrameTooLong):
        whole(frames.LENGTH.pack(FRAME_BYTES_MAX + 1))


def test_bytes_that_are_no_message_are_an_error() -> None:
    """Garbage is told from a message."""
    with pytest.raises(msgspec.MsgspecError):
        frames.decode_to_recorder(b"\xc1")
