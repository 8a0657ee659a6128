"""Load for the benchmark: wrk where it is installed, else a generator of our own that is slower itself."""

import asyncio
import json
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("pixels.lua")
PAGE = (
    "/pixel/v1/page?writeKey={key}&context.library.name=Rudderstack%20AMP%20SDK&context.library.version=1.0.0"
    "&context.platform=AMP&anonymousId=amp-{who}&context.locale=en-US&context.userAgent=Mozilla%2F5.0"
    "&context.page.path=%2Fblog%2F{n}&context.page.url=https%3A%2F%2Fexample.com%2Fblog%2F{n}&context.page.referrer="
    "&context.page.title=A%20%26%20B&context.screen.width=1920&context.screen.height=1080"
    "&properties.path=%2Fblog%2F{n}&properties.url=https%3A%2F%2Fexample.com%2Fblog%2F{n}&properties.referrer="
    "&properties.title=A%20%26%20B&name=Blog"
)
TRACK = "/pixel/v1/track?writeKey={key}&anonymousId=a{who}&event=Order+Completed&properties.order_id={n}"


class Result(NamedTuple):
    generator: str
    answers: int
    not_200: int
    socket_errors: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def run(port: int, write_key: str, *, connections: int, seconds: int, mark: str) -> Result:
    """Loads the pixel routes with distinct URLs, half of them with message ids of their own."""
    if shutil.which("wrk"):
        return _wrk(port, write_key, connections, seconds, mark)
    return asyncio.run(_own(port, write_key, connections, seconds, mark))


def _wrk(port: int, write_key: str, connections: int, seconds: int, mark: str) -> Result:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}", "--", write_key, mark],
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return Result(generator="wrk", **json.loads(line.removeprefix("RESULT ")))


async def _own(port: int, write_key: str, connections: int, seconds: int, mark: str) -> Result:
    numbers = count(1)
    latencies_s: list[float] = []
    bad = [0, 0]  # answers that are not 200; broken connections

    async def visitor(end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.perf_counter() < end:
                started = time.perf_counter()
                writer.write(_request(write_key, mark, next(numbers)))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                latencies_s.append(time.perf_counter() - started)
                bad[0] += not head.startswith(b"HTTP/1.1 200 ")
        except (OSError, asyncio.IncompleteReadError):
            bad[1] += 1
        finally:
            writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(visitor(started + seconds) for _ in range(connections)))
    duration_s = time.perf_counter() - started
    ordered = sorted(latencies_s) or [0.0]
    p50, p99 = (ordered[int(len(ordered) * part)] * 1e3 for part in (0.5, 0.99))
    return Result(
        "own generator (wrk is not installed)",
        *(len(latencies_s), *bad, duration_s, p50, p99, ordered[-1] * 1e3),
    )


def _request(write_key: str, mark: str, n: int) -> bytes:
    target = (TRACK if n % 2 else PAGE).format(key=write_key, who=n % 50_000, n=n)
    target += f"&messageId={mark}-{n}" if n % 4 < 2 else f"&properties.mark={mark}"
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
