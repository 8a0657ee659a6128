"""How commands find the server of a data directory."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pixelwire.cli.listening import Listening, of_bound, of_data_dir, write
from pixelwire.config import Settings


def test_a_running_server_is_found(tmp_path: Path) -> None:
    """Ports that the system chose are known to later commands."""
    told = Listening("http://127.0.0.1:4711", "http://127.0.0.1:4712")
    write(tmp_path, told)
    assert of_data_dir(Settings(data_dir=tmp_path)) == told
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"pixel_url": 1}', "\x00"])
def test_without_one_the_settings_count(tmp_path: Path, content: str | None) -> None:
    """Nor does a file that is damaged matter."""
    if content is not None:
        (tmp_path / "server.json").write_text(content)
    found = of_data_dir(Settings(data_dir=tmp_path, port=1, manage_port=2))
    assert found == Listening("http://127.0.0.1:1", "http://127.0.0.1:2")


def test_addresses_are_ones_a_client_can_use(tmp_path: Path) -> None:
    """Every interface is reached by loopback, IPv6 is bracketed, and the public name wins."""
    bound = SimpleNamespace(host="0.0.0.0", port=80, manage_host="::1", manage_port=81)
    assert of_bound(Settings(), bound) == Listening("http://127.0.0.1:80", "http://[::1]:81")  # type: ignore[arg-type]
    public = Settings(public_url="https://pixel.example.org")
    assert of_bound(public, bound).pixel_url == "https://pixel.example.org"  # type: ignore[arg-type]
