"""How a process of ours ends."""

import subprocess
import sys

import pytest

SCRIPT = """
import atexit, sys
from pixelwire import lifeline
atexit.register(print, "the interpreter's own end")
{before}
print("said", end=" ")
lifeline.leave(3)
"""


@pytest.mark.parametrize(
    ("before", "said"),
    [("", "said the interpreter's own end\n"), ("sys.modules['obstore'] = sys", "said ")],
    ids=["usually", "with a library whose threads would abort it"],
)
def test_a_process_ends_with_its_code(before: str, said: str) -> None:
    """Everything is said; the interpreter's own end is left out where it is not safe."""
    script = SCRIPT.format(before=before)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (3, said, "")
