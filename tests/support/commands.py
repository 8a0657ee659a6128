"""Commands as a user types them, without the variables of who runs the tests."""

import os
import subprocess
from pathlib import Path

from support.server import COMMAND

COMMAND_S = 60.0


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PIXELWIRE_")} | more


def pixelwire(*arguments: str | Path, expects: int = 0) -> str:
    """What a command prints, on both streams; it ends as expected."""
    done = subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=COMMAND_S, env=environment()
    )
    assert done.returncode == expects, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
