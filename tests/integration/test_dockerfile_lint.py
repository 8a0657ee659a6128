"""The container's recipe as hadolint reads it: what is known to go wrong does not stand in it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_the_dockerfile_has_no_known_fault() -> None:
    """Not one remark, style included; its shell lines are checked too."""
    read = subprocess.run(
        [str(HADOLINT), "--failure-threshold", "style", str(ROOT / "deploy" / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (read.returncode, read.stdout) == (0, "")
