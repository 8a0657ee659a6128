"""Where a server of a data directory listens: `server.json`, written when its ports are bound.

With it `send` and `tail` find a server that was given its ports by flags, or took free ones.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pixelwire.config import Settings
    from pixelwire.supervise import Bound

FILE_NAME: Final = "server.json"
ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


class Listening(NamedTuple):
    pixel_url: str
    manage_url: str


def of_bound(settings: "Settings", bound: "Bound") -> Listening:
    """The addresses of a server whose ports are bound."""
    pixel = settings.public_url or _url(bound.host, bound.port)
    return Listening(pixel, _url(bound.manage_host, bound.manage_port))


def of_data_dir(settings: "Settings") -> Listening:
    """The addresses of the last server on this data directory, else what the settings say."""
    try:
        told = json.loads((settings.data_dir / FILE_NAME).read_bytes())
        return Listening(str(told["pixel_url"]), str(told["manage_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        pixel = settings.public_url or _url(settings.host, settings.port)
        return Listening(pixel, _url(settings.manage_host, settings.manage_port))


def write(data_dir: Path, listening: Listening) -> None:
    """Leaves the addresses in the data directory. Only a convenience: never synced, and no error."""
    path = data_dir / FILE_NAME
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_text(json.dumps(listening._asdict()) + "\n")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)  # a full disk: commands ask the settings then


def _url(host: str, port: int) -> str:
    """An address a client on this machine can use."""
    if host in ANY_ADDRESS:
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - compared with, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
