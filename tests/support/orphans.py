"""A process with a worker under it, in a module that a spawned process can import."""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from pixelwire.collect.options import WorkerOptions
from pixelwire.collect.worker import build_app


def start_worker_and_wait(data_dir: str, said: Connection) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(data_dir, said))
    process.start()
    said.send(process.pid)
    signal.pause()


def _work(data_dir: str, said: Connection) -> None:
    build_app(WorkerOptions(data_dir, str(Path(data_dir) / "recorder.sock"), []))
    said.send("built")
    signal.pause()
