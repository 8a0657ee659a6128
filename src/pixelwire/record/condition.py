"""The door for those who ask how the recorder is: over its socket, from its own loop, so that an answer
means that it works and not only that its process exists. Knows nothing of who asks.
"""

import asyncio

import msgspec

from pixelwire.frames import Condition, Deframer, FrameTooLong, Probe, decode_to_worker, encode

READ_BYTES = 4_096


async def ask(socket_path: str, timeout_s: float) -> Condition | None:
    """None when the recorder did not answer in time: it is stopped, stuck in the disk, or gone."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _ask(socket_path)
    except (OSError, TimeoutError, FrameTooLong, msgspec.MsgspecError):
        return None


async def _ask(socket_path: str) -> Condition | None:
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        writer.write(encode(Probe()))
        deframer = Deframer()
        while data := await reader.read(READ_BYTES):
            for body in deframer.feed(data):
                answer = decode_to_worker(body)
                return answer if isinstance(answer, Condition) else None
        return None
    finally:
        writer.close()
