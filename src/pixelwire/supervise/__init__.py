"""Supervise: starts and stops everything; the only one that knows every room."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pixelwire.supervise.server import Bound, Server

if TYPE_CHECKING:
    from pixelwire.config import Settings

__all__ = ["Bound", "serve"]


def serve(
    settings: "Settings",
    *,
    announce: Callable[[Bound], None],
    reload: Callable[[], "Settings"] | None = None,
    takes_over: bool = False,
) -> int:
    """Runs the server until it is told to stop; `announce` is called once, when a pixel would be answered.

    `reload` reads the settings anew, at SIGHUP. With `takes_over` the sockets come from the server that
    runs over the same data, which then ends. DataDirectoryError or ConfigError with a clear text before
    anything starts; ChildFailed when a process does not come up.
    """
    return Server(settings, announce, reload, takes_over=takes_over).run()
