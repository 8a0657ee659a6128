"""The door for those who ask how the recorder is: over its socket, from its own loop, so that an answer
means that it works and not only that its process exists. Knows nothing of who asks.
"""

import asyncio
import socket
from collections.abc import Sequence

import msgspec

from pixelwire.frames import Condition, Deframer, FrameTooLong, Probe, decode_to_worker, encode

READ_BYTES = 4_096
REPORT_S = 1.0


async def ask(socket_path: str, timeout_s: float, suspects: Sequence[int] = ()) -> Condition | None:
    """Also tells which segments could not be read. None when the recorder did not answer in time: it is
    stopped, stuck in the disk, or gone."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _ask(socket_path, Probe(list(suspects)))
    except (OSError, TimeoutError, FrameTooLong, msgspec.MsgspecError):
        return None


def report(socket_path: str, suspect: int) -> None:
    """Tells the recorder of a segment that could not be read; when it does not listen, others will."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(REPORT_S)
            connection.connect(socket_path)
            connection.sendall(encode(Probe([suspect])))
            connection.recv(READ_BYTES)
    except OSError:
        pass


async def _ask(socket_path: str, probe: Probe) -> Condition | None:
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        writer.write(encode(probe))
        deframer = Deframer()
        while data := await reader.read(READ_BYTES):
            for body in deframer.feed(data):
                answer = decode_to_worker(body)
                return answer if isinstance(answer, Condition) else None
        return None
    finally:
        writer.close()
