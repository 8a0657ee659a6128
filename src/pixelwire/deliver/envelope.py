"""What the courier reads in a payload: the message id, and whose event it is. Knows no destination."""

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

PLACEHOLDER: Final = "anonymous"  # what the printed tag says in place of an identity
NOBODY: Final = 0


class Envelope(NamedTuple):
    message_id: str
    identity: str  # "" for nobody
    identity_key: int  # NOBODY or 63 bits; two identities with one key would only wait for each other


class _Members(msgspec.Struct):
    messageId: Any = None  # noqa: N815 the payload's own names
    userId: Any = None  # noqa: N815
    anonymousId: Any = None  # noqa: N815


_decoder: Final = msgspec.json.Decoder(_Members)


def read_envelope(payload: bytes) -> Envelope:
    """`userId`, else `anonymousId`; blank, absent, no text or the placeholder is nobody."""
    try:
        members = _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError):  # never written by us; it can still be delivered
        return Envelope("", "", NOBODY)
    message_id = members.messageId if isinstance(members.messageId, str) else ""
    for kind, value in ((b"u", members.userId), (b"a", members.anonymousId)):
        if isinstance(value, str) and value.strip() and value.strip() != PLACEHOLDER:
            return Envelope(message_id, value, _key(kind, value))
    return Envelope(message_id, "", NOBODY)


def _key(kind: bytes, identity: str) -> int:
    digest = blake2b(kind + identity.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1
