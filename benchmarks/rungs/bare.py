"""The floor of our HTTP server: granian with an app that only answers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from rungs.commanded import CommandedRung


class BareRung(CommandedRung):
    key = "bare"
    title = "granian, a bare ASGI app, 2 workers"
    how = "granian's own command with uvloop; the app answers our image and headers and does nothing else"
    roles: ClassVar[Mapping[str, str]] = {"bare_app": "server"}  # forked, so all have one command line

    def command(self) -> list[str]:
        return [
            *(str(Path(sys.executable).with_name("granian")), "--interface", "asginl", "--http", "1"),
            *("--no-ws", "--loop", "uvloop", "--workers", "2", "--backlog", "4096", "--log-level", "error"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--working-dir", str(Path(__file__).parent), "bare_app:app"),
        ]
