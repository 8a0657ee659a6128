"""The ceiling: nginx answers `empty_gif` and writes its access log, which nobody waits for."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from rungs.commanded import CommandedRung
from rungs.rung import Kept, allocated_bytes
from support.recipes import program

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log;
events {{}}
http {{
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  access_log {directory}/access.log;
  {upstream}
  server {{
    listen 127.0.0.1:{port}{listen};
    {server}
  }}
}}
"""
ROLES: Mapping[str, str] = {"worker process": "nginx", "master process": "nginx"}


class NginxRung(CommandedRung):
    key = "nginx"
    title = "nginx, an empty image and its access log"
    how = "Debian's nginx, 1 worker process, `empty_gif`; the ceiling on one machine, it keeps nothing safe"
    roles: ClassVar[Mapping[str, str]] = ROLES

    def command(self) -> list[str]:
        configuration = self.directory / "nginx.conf"
        text = CONFIGURATION.format(
            directory=self.directory,
            port=self.port,
            listen="",
            upstream="",
            server="location / { empty_gif; }",
        )
        configuration.write_text(text)
        return nginx_command(configuration)

    def kept(self) -> Kept | None:
        log = self.directory / "access.log"
        with log.open("rb") as lines:
            events = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
        return Kept(events, 0, allocated_bytes(log))


def nginx_command(configuration: Path) -> list[str]:
    """nginx in the foreground, with all of its files beside its configuration."""
    directory = configuration.parent
    command = [program("nginx", "nginx-light"), "-p", str(directory), "-c", str(configuration)]
    return [*command, "-e", str(directory / "error.log")]
