"""Our workers as the server runs them, before a recorder that keeps nothing.

    python unrecorded_server.py DATA_DIR PORT WORKERS

The data directory holds a catalog; nothing else is written to it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from pixelwire.collect.options import WorkerOptions
from pixelwire.supervise.ports import listen
from pixelwire.supervise.workers import Workers


def main() -> None:
    data_dir, port, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="pixelwire-") as runtime:  # a socket's path must be short
        socket_path = Path(runtime) / "recorder.sock"
        recorder = Path(__file__).with_name("forgetful_recorder.py")
        subprocess.Popen([sys.executable, str(recorder), str(socket_path)], stdin=subprocess.PIPE)
        options_path = Path(runtime) / "worker.json"
        options = WorkerOptions(data_dir=data_dir, socket_path=str(socket_path), trusted_proxies=[])
        options_path.write_bytes(msgspec.json.encode(options))
        Workers(listen("127.0.0.1", port, "port", workers), options_path, on_change=lambda: None).run()


if __name__ == "__main__":
    main()
