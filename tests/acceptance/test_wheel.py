"""What is built is what works: the wheel alone, with the source out of reach."""

import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from support.server import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    unpacked = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


def test_the_wheel_serves_a_pixel(site: Path, tmp_path: Path) -> None:
    """Every process runs from the wheel: its SQL, its pages and its code are in it."""
    where = subprocess.run(
        [sys.executable, "-c", "import pixelwire; print(pixelwire.__file__)"],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
    with Server(tmp_path / "data", workers=1, environment={"PYTHONPATH": str(site)}) as server:
        query = f"writeKey={server.facts['write_key']}&anonymousId=a1"
        with urllib.request.urlopen(f"{server.facts['pixel_url']}/pixel/v1/page?{query}") as answer:
            message_id = answer.headers["X-Pixelwire-Message-Id"]
        receipt = server.receipt(message_id)
        assert receipt is not None
        assert receipt["payload"]["anonymousId"] == "a1"


def test_the_wheel_is_small_and_says_its_licence(site: Path) -> None:
    """Under two megabytes unpacked, with the licence and the mark of a typed package."""
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert size < 2_000_000
    assert list(site.glob("*.dist-info/licenses/LICENSE"))
    assert (site / "pixelwire" / "py.typed").exists()
