"""Texts that must not be shown: kept whole, while `repr`, `str` and logs show only that they exist."""

from typing import Any
from urllib.parse import urlsplit

HIDDEN = "<hidden>"


class Secret:
    """A text whose value only `reveal()` gives."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._text == self._text

    def __hash__(self) -> int:
        return hash((type(self), self._text))


class SecretUrl(Secret):
    """An address whose path and query may be a secret in themselves: only scheme, host and port show."""

    __slots__ = ()

    def __repr__(self) -> str:
        try:
            parts = urlsplit(self._text)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return HIDDEN
        host = parts.hostname or ""
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}/..."


def decode(kind: type, value: Any) -> Any:
    """msgspec's hook for our types. ValueError when the value is not a text."""
    if issubclass(kind, Secret):
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        secret = kind(value)
        if value in (repr(secret), HIDDEN):
            raise ValueError(f"`{value}` is how it is shown: give the value itself")
        return secret
    raise NotImplementedError(f"{kind} is not a type for options")
