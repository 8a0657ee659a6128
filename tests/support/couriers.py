"""The courier's own process, as the supervisor starts it."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pixelwire.deliver.options import CourierOptions
from pixelwire.deliver.retry import RetryPolicy

STOP_S = 5.0


@contextmanager
def courier(
    data_dir: Path, retry: RetryPolicy | None = None, *, program: Sequence[str] = ("-m", "pixelwire.deliver")
) -> Iterator[subprocess.Popen[bytes]]:
    """Ready within the block; at its end it is let go, if it still lives."""
    process = subprocess.Popen([sys.executable, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    options = CourierOptions(str(data_dir), retry=retry or RetryPolicy())
    try:
        process.stdin.write(msgspec.json.encode(options) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(STOP_S) in (0, -signal.SIGKILL)
