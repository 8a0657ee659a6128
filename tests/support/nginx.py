"""The system's nginx before a server, with a configuration and files of its own, as a child of the test."""

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import wait_until

START_S = 10.0
STOP_S = 10.0
FORMATS = Path(__file__).parents[2] / "examples" / "nginx-access-log.conf"

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {prefix}/pid;
error_log {prefix}/error.log;
events {{}}
http {{
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  include {formats};
  access_log {prefix}/full.log pixelwire;
  access_log {prefix}/private.log pixelwire_private;
  access_log {prefix}/plain.log combined;
  upstream pixels {{
    server 127.0.0.1:{upstream};
    keepalive 16;
  }}
  server {{
    listen 127.0.0.1:{port}{tls};
    {more}
    location / {{
      proxy_pass http://pixels;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


class Nginx:
    """`with Nginx(directory, upstream_port) as nginx:` serves `nginx.port` until the end of the block."""

    def __init__(self, prefix: Path, upstream: int, *, tls: tuple[Path, Path] | None = None) -> None:
        """`tls`: certificate and key."""
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        assert program, "nginx is missing: `apt-get install nginx-light` (Debian's package)"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = int(taken.getsockname()[1])
        self.prefix = prefix
        more = f"ssl_certificate {tls[0]};\n    ssl_certificate_key {tls[1]};" if tls else ""
        prefix.mkdir(parents=True)
        (prefix / "nginx.conf").write_text(
            CONFIGURATION.format(
                prefix=prefix,
                formats=FORMATS,
                upstream=upstream,
                port=self.port,
                tls=" ssl" if tls else "",
                more=more,
            )
        )
        self._command = [program, "-p", str(prefix), "-c", str(prefix / "nginx.conf")]
        self._command += ["-e", str(prefix / "error.log")]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        wait_until(self._listens, START_S, "nginx listens", last=self._errors)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)  # answers and writes down what is under way
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait(STOP_S)
            raise

    def log(self, name: str) -> Path:
        """`full`, `private` or `plain`."""
        return self.prefix / f"{name}.log"

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._errors()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _errors(self) -> str:
        log = self.prefix / "error.log"
        return log.read_text(errors="replace")[-2_000:] if log.exists() else ""
