"""What a file is put into: the seam between the destination and the clouds or a folder. Knows neither."""

from typing import Protocol


class TooLarge(Exception):
    """What lies under a key is larger than anything of ours."""


class Store(Protocol):
    """Whatever goes wrong is raised as Unreachable or Misconfigured."""

    async def create(self, key: str, content: bytes) -> bool:
        """Puts a file under a key that is free, whole or not at all, to be kept. False: the key is taken."""

    async def read(self, key: str, bytes_max: int) -> bytes:
        """The file under a key. TooLarge when it is larger."""

    async def delete(self, key: str) -> None:
        """Takes a file away. It may have gone already."""

    async def close(self) -> None:
        """Lets go of everything."""
