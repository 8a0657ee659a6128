"""Load for the benchmarks: wrk with `pixels.lua`, one thread of it beside the server. Knows no server.

With a rate, wrk's script gives each request its time and any of the connections that is free then sends it;
latency counts from the sending, and requests that were sent over 2 ms late are counted as late.
"""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

from support.recipes import program

SCRIPT = Path(__file__).with_name("pixels.lua")
TIMEOUT_S = 10


class Load(NamedTuple):
    """What is asked of a server."""

    connections: int = 64
    seconds: int = 5
    is_closing: bool = False  # a new connection for each request
    rate: int = 0  # requests a second; 0: as many as are answered
    client_ids: str = "half"  # or `all`


class Result(NamedTuple):
    answers: int
    not_200: int
    socket_errors: int
    late: int  # requests of a paced load that were sent over 2 ms after their time
    duration_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.answers - self.not_200) / self.duration_s


def run(url: str, write_key: str, mark: str, load: Load) -> Result:
    """Loads the pixel routes with distinct URLs. No two loads of one server have the same mark."""
    command = [program("wrk", "wrk"), "-t1", f"-c{load.connections}", f"-d{load.seconds}s"]
    command += ["--timeout", f"{TIMEOUT_S}s", "-s", str(SCRIPT)]
    if load.is_closing:
        command += ["-H", "Connection: close"]
    command += [url, "--", write_key, mark, load.client_ids, str(load.rate)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return Result(**json.loads(line.removeprefix("RESULT ")))
