"""TLS before a rung: nginx, the same for all of them. Without session resumption, as each visitor is new."""

from pathlib import Path

from rungs.nginx import CONFIGURATION, ROLES, nginx_command
from rungs.service import Service
from support.recipes import free_port, make_certificate

UPSTREAM = """upstream rung {{
    server 127.0.0.1:{port};
    keepalive 64;
  }}"""
SERVER = """\
ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    access_log off;
    location / {{
      proxy_pass http://rung;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}"""


class TlsProxy(Service):
    """Listens on `port`, with a certificate that it vouches for itself."""

    def __init__(self, directory: Path, upstream: int) -> None:
        directory.mkdir(parents=True)
        self.port = free_port()
        certificate, key = make_certificate(directory)
        configuration = directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                directory=directory,
                port=self.port,
                listen=" ssl",
                upstream=UPSTREAM.format(port=upstream),
                server=SERVER.format(certificate=certificate, key=key),
            )
        )
        roles = dict.fromkeys(ROLES, "TLS proxy")
        super().__init__(nginx_command(configuration), self.port, directory / "output.log", roles)
