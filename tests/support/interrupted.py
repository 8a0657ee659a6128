"""A supervisor of one worker that is told to stop in one of the moments in which granian forgets it. Run as
`python -m support.interrupted MOMENT FOLDER`; ends with 0 when it was heard."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from pixelwire.collect.options import WorkerOptions
from pixelwire.supervise.ports import listen
from pixelwire.supervise.signals import Signals
from pixelwire.supervise.workers import InheritingServer, Workers
from support.waiting import wait_until

STARTING, BEGINNING, RELOADING = "starting", "beginning", "reloading"


def main(moment: str, folder: Path) -> None:
    options = folder / "worker.json"
    options.write_bytes(msgspec.json.encode(WorkerOptions(str(folder), str(folder / "none.sock"), [])))

    def stop_now() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: workers.is_stopping, 10, "the signal is heard")

    class Interrupted(InheritingServer):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            if moment == BEGINNING:
                stop_now()
            super().__init__(*arguments, **more)

        def _init_shared_socket(self) -> None:
            if moment == STARTING:  # granian has just set its handlers
                stop_now()

        def _reload(self, *arguments: Any) -> None:
            stop_now()  # its event is set, and is cleared next
            super()._reload(*arguments)

    def on_change() -> None:
        if moment == RELOADING:
            workers.renew()

    sockets = listen("127.0.0.1", 0, "port")
    signals = Signals()
    workers = Workers(sockets, options, on_change=on_change, server_type=Interrupted)
    signals.take(on_stop=workers.stop, on_hangup=workers.renew)
    workers.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
