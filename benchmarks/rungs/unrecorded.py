"""Ours without its promise: what collecting costs before anything is kept."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from rungs.commanded import CommandedRung
from support.catalogs import make_shop


class UnrecordedRung(CommandedRung):
    key = "unrecorded"
    title = "Pixelwire without recording, 2 workers"
    how = "our workers and our frames; the recorder is the benchmark's own and confirms without a disk"
    is_ours = True
    roles: ClassVar[Mapping[str, str]] = {
        "forgetful_recorder": "recorder",
        "resource_tracker": "other",
        "--multiprocessing-fork": "worker",
        "unrecorded_server": "supervisor",
    }

    def command(self) -> list[str]:
        data_dir = self.directory / "data"
        data_dir.mkdir()
        shop = make_shop(data_dir)
        self.write_key = shop.pixel.id
        shop.catalog.close()
        server = Path(__file__).with_name("unrecorded_server.py")
        return [sys.executable, str(server), str(data_dir), str(self.port), "2"]
