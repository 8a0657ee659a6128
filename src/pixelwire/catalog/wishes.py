"""What an owner may want done with a destination's deliveries, as it travels in the catalog to the courier.

Values only; runs in the courier, so it imports msgspec only.
"""

from typing import Any, Final

import msgspec

ORDER_LAPSES_MS: Final = 30 * 86_400_000  # one that nobody has taken for so long is never carried out


class Letters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which of a destination's dead letters: those for which everything given holds."""

    number: int | None = None
    reason: str = ""  # is in the letter's reason, in whatever case
    from_ms: int | None = None  # it died then or later
    to_ms: int | None = None  # it died before


class RetryLetters(Letters, frozen=True, omit_defaults=True, tag_field="verb", tag="retry"):
    """Sends them again."""


class DropLetters(Letters, frozen=True, omit_defaults=True, tag_field="verb", tag="drop"):
    """Forgets them."""


class StartReplay(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="verb", tag="replay"):
    """Sends events once more that are stored already. The order's id is the replay's."""

    from_ms: int  # received then or later
    to_ms: int  # received before
    first_seq: int  # no event before this one is meant
    end_seq: int  # and none after this one
    store: str  # in which these seqs count
    pixels: list[int] | None = None  # numbers; None: all of the destination's
    filters: dict[str, Any] = {}  # as a destination's, and beside them


class CancelReplay(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="verb", tag="cancel"):
    """Ends a replay before its end."""

    replay: str


Wish = RetryLetters | DropLetters | StartReplay | CancelReplay


class Order(msgspec.Struct, frozen=True):
    """A wish that was written down."""

    number: int  # in the order they were given
    id: str
    destination_id: str
    wish: Wish
    created_ms: int


def read_wish(text: str) -> Wish | None:
    """From its JSON; None for one of another version."""
    try:
        wish: Wish = _decoder.decode(text)
    except msgspec.ValidationError:
        return None
    return wish


_decoder: Final = msgspec.json.Decoder[Wish](Wish)
