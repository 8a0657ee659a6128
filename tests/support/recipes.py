"""The proxies of deploy/, run as written but for names, ports and the certificate; and a browser's side."""

import http.client
import re
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.load import Answer
from support.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "pixel.example.org"  # in the recipes
START_S = 15.0
STOP_S = 10.0

NGINX_AROUND = """\
daemon off;
pid {prefix}/pid;
error_log {prefix}/error.log;
events {{}}
http {{
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  access_log {prefix}/access.log;
  include {recipe};
}}
"""


def program(name: str, package: str) -> str:
    """Where a program of Debian's is."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"{name} is missing: `apt-get install {package}` (Debian's package)"
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Certificate and key of HOST, vouched for by themselves."""
    certificate, key = directory / "fullchain.pem", directory / "privkey.pem"
    subprocess.run(
        [
            *(program("openssl", "openssl"), "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", f"subjectAltName=DNS:{HOST}", "-out", str(certificate), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


class Proxy:
    """`with Proxy("nginx", directory, upstream_port) as proxy:` has TLS on `proxy.port` until the end."""

    def __init__(self, kind: str, directory: Path, upstream: int) -> None:
        directory.mkdir(parents=True)
        self.port, self.plain_port = free_port(), free_port()
        self.certificate, key = make_certificate(directory)
        self._directory = directory
        write = {"nginx": self._write_nginx, "caddy": self._write_caddy}[kind]
        self.command = write(upstream, key)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"HOME": str(self._directory), "PATH": "/usr/bin:/bin"},
            )
        wait_until(self._listens, START_S, "the proxy listens", last=self.said)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_S)

    def get(self, target: str, headers: dict[str, str] | None = None, *, source: str = "127.0.0.1") -> Answer:
        """Over TLS, from an address of our own choice."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(source, 0))
        with trust.wrap_socket(plain, server_hostname=HOST) as connection:
            client = http.client.HTTPConnection(HOST)
            client.sock = connection
            client.putrequest("GET", target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                client.putheader(name, value)
            client.endheaders()
            answer = client.getresponse()
            lines = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lines, answer.read())

    def said(self) -> str:
        """Its own words, for a failure."""
        logs = [self._directory / name for name in ("output.log", "error.log")]
        return "\n".join(log.read_text(errors="replace")[-2_000:] for log in logs if log.exists())

    @property
    def access_log(self) -> str:
        log = self._directory / "access.log"
        return log.read_text() if log.exists() else ""

    def _write_nginx(self, upstream: int, key: Path) -> list[str]:
        recipe = (DEPLOY / "nginx.conf").read_text()
        recipe = re.sub(r"^.*\[::\].*\n", "", recipe, flags=re.MULTILINE)  # not every machine has IPv6
        recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{self.plain_port};")
        recipe = recipe.replace("listen 443 ", f"listen 127.0.0.1:{self.port} ")
        recipe = recipe.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
        recipe = recipe.replace(f"/etc/letsencrypt/live/{HOST}", str(self._directory))
        (self._directory / "recipe.conf").write_text(recipe)
        around = NGINX_AROUND.format(prefix=self._directory, recipe=self._directory / "recipe.conf")
        (self._directory / "nginx.conf").write_text(around)
        return [
            *(program("nginx", "nginx-light"), "-p", str(self._directory)),
            *("-c", str(self._directory / "nginx.conf"), "-e", str(self._directory / "error.log")),
        ]

    def _write_caddy(self, upstream: int, key: Path) -> list[str]:
        recipe = (DEPLOY / "Caddyfile").read_text()
        site = "{$PIXEL_DOMAIN:pixel.example.org} {"
        assert site in recipe
        here = f"https://{HOST}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.certificate} {key}"
        recipe = recipe.replace(site, here).replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
        options = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {self.plain_port}\n}}\n"
        (self._directory / "Caddyfile").write_text(options + recipe)
        return [
            *(program("caddy", "caddy"), "run", "--adapter", "caddyfile"),
            *("--config", str(self._directory / "Caddyfile")),
        ]

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
