"""Personal values made unreadable: hashed to be matched elsewhere, or masked. Pure; keeps nothing.

A value that is no text is taken as its text, and of an object or array every value in it: nobody's address
goes out as it is because a tag wrote it as a list.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

MASK: Final = "*"

_HASHED: Final = re.compile(r"[0-9a-fA-F]{64}")


def _email(text: str) -> str:
    return text.lower()


def _phone(text: str) -> str:
    """Its digits; what has none is taken as it is."""
    return "".join(str(int(letter)) for letter in text if letter.isdecimal()) or text


def _as_it_is(text: str) -> str:
    return text


KINDS: Final[dict[str, Callable[[str], str]]] = {"email": _email, "phone": _phone, "text": _as_it_is}


def hashed(text: str, kind: str) -> str:
    """SHA-256 of the normalised UTF-8 text, in hex. Blank text and what is hashed already stay."""
    plain = text.strip()
    if not plain or _HASHED.fullmatch(plain):
        return text
    return sha256(KINDS[kind](plain).encode()).hexdigest()


def masked(text: str, keep_first: int, keep_last: int) -> str:
    """Stars in place of characters. A text too short to hide anything of it is hidden as a whole."""
    if keep_first + keep_last >= len(text):
        return MASK * len(text)
    return text[:keep_first] + MASK * (len(text) - keep_first - keep_last) + text[len(text) - keep_last :]


def every_text(value: object, change: Callable[[str], str]) -> object:
    """The value with each text and number in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: every_text(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [every_text(inner, change) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    return change(msgspec.json.encode(value).decode())
