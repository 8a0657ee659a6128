"""S3, Google Cloud Storage and Azure as a store, by the library obstore, which is loaded when it is used.

Knows no event.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

from pixelwire.destinations.base import Misconfigured
from pixelwire.destinations.object_store.library_options import client_options, store_options
from pixelwire.destinations.object_store.options import ObjectStoreOptions
from pixelwire.destinations.object_store.relay import Relay
from pixelwire.destinations.object_store.store import TooLarge
from pixelwire.destinations.object_store.trouble import translate

READ_BYTES: Final = 1_048_576

T = TypeVar("T")


def require_library() -> None:
    """Misconfigured, saying how to get it, when obstore is not installed."""
    try:
        import obstore  # noqa: F401 loaded here, so that a missing one is told at once
    except ModuleNotFoundError as exc:
        hint = 'install it, pip install "pixelwire[object-store]", then resume the destination'
        raise Misconfigured("an object store needs the library obstore", hint=hint) from exc


class Cloud:
    def __init__(self, options: ObjectStoreOptions, client: dict[str, Any], relay: Relay | None) -> None:
        self._options = options
        self._target = options.target
        self._relay = relay
        try:
            self._store = _made(options, client)
        except Exception as exc:
            raise translate(exc, self._target, "") from exc

    @classmethod
    async def open(cls, options: ObjectStoreOptions, content_type: str, relay: Relay | None) -> Self:
        """Connects to nothing yet. Every connection goes through the relay, if there is one, which is then
        this store's to close. Misconfigured when a key or the file of authorities can not be used.
        """
        client = client_options(options, content_type)
        if relay is None:
            return cls(options, client, None)
        client["proxy_url"] = await relay.start()
        try:
            return cls(options, client, relay)
        except BaseException:
            await relay.close()
            raise

    async def create(self, key: str, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        put = obstore.put_async(self._store, key, content, mode="create", use_multipart=False)
        try:
            await self._run(put, key, AlreadyExistsError, PreconditionError)
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    async def read(self, key: str, bytes_max: int) -> bytes:
        return await self._run(self._read(key, bytes_max), key, TooLarge)

    async def delete(self, key: str) -> None:
        import obstore

        await self._run(obstore.delete_async(self._store, key), key)

    async def close(self) -> None:
        if self._relay is not None:  # connections are not kept
            await self._relay.close()

    async def _read(self, key: str, bytes_max: int) -> bytes:
        import obstore

        found = await obstore.get_async(self._store, key)
        content = bytearray()
        async for chunk in found.stream(min_chunk_size=READ_BYTES):
            content += chunk
            if len(content) > bytes_max:
                raise TooLarge
        return bytes(content)

    async def _run(self, work: Coroutine[Any, Any, T], key: str, *answers: type[Exception]) -> T:
        """The result. `answers` are errors that are none."""
        try:
            # The library has a time-out of its own for a request, but none for what comes before it.
            async with asyncio.timeout(self._options.timeout_s):
                return await work
        except answers:
            raise
        except Exception as exc:
            if self._relay is not None and (refused := self._relay.refused()):
                hint = "the operator can set allow_private_addresses = true if it is meant"
                raise Misconfigured(f"endpoint {refused}", hint=hint) from exc
            whole = f"{self._target.prefix}/{key}" if self._target.prefix else key
            raise translate(exc, self._target, whole, is_lent=self._options.server_credentials) from exc


def _made(options: ObjectStoreOptions, client: dict[str, Any]) -> Any:
    import obstore.store

    name, config, provider = store_options(options)
    return getattr(obstore.store, name)(
        options.target.bucket,
        prefix=options.target.prefix or None,
        config=config,
        client_options=client,
        retry_config={"max_retries": 0},  # the engine tries again
        credential_provider=provider,
    )
