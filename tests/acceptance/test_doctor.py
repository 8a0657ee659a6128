"""The doctor at a real server, behind a real proxy with TLS."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.nginx import Nginx
from support.server import COMMAND, Server
from support.tls import CERTIFICATE, KEY

WHAT_THE_SERVER_DECIDES = {
    "data directory",
    "server",
    "events",
    "descriptors",
    "readyz",
    "certificate",
    "pixel",
    "receipt",
}


def doctor(server: Server, *arguments: str, **environment: str) -> dict[str, dict[str, str]]:
    """check -> its finding; those of the machine (its disk, its clock) are whatever they are."""
    ran = subprocess.run(
        [str(COMMAND), "doctor", "--data-dir", str(server.data_dir), "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert ran.stderr == ""
    said: Any = json.loads(ran.stdout)
    assert ran.returncode == (1 if said["worst"] == "fail" else 0)
    return {finding["check"]: finding for finding in said["findings"]}


@pytest.mark.parametrize("is_trusted", [False, True])
def test_a_pixel_goes_through_the_proxy_and_comes_back(tmp_path: Path, is_trusted: bool) -> None:
    """Over TLS, with its receipt; a proxy that nobody trusts is noticed."""
    trust = {"PIXELWIRE_TRUSTED_PROXIES": "127.0.0.1"} if is_trusted else {}
    with (
        Server(tmp_path / "data", workers=1, environment=trust) as server,
        Nginx(tmp_path / "nginx", server.port, tls=(CERTIFICATE, KEY)) as nginx,
    ):
        url = f"https://localhost:{nginx.port}"
        found = doctor(server, "--public-url", url, SSL_CERT_FILE=str(CERTIFICATE), **trust)
        assert {check: found[check]["severity"] for check in WHAT_THE_SERVER_DECIDES} == dict.fromkeys(
            WHAT_THE_SERVER_DECIDES, "ok"
        )
        assert found["pixel"]["found"].startswith(f"stored through {url} in ")
        assert found["receipt"]["found"] == "event 1, counted, sent by 127.0.0.0"
        assert found["certificate"]["found"].startswith("localhost is vouched for")
        assert found["proxies"]["severity"] == ("ok" if is_trusted else "warn")
        assert ("our own pixel came through a proxy" in found["proxies"]["found"]) is not is_trusted
        assert server.counted() == 0
        if not is_trusted:
            return
        # The same without anybody who vouches for the certificate, and without a server.
        found = doctor(server, "--public-url", url, "--no-send", **trust)
        assert "nobody vouches for it" in found["certificate"]["found"]
        assert found["pixel"]["found"] == "--no-send was given"
        server.stop()
        found = doctor(server, "--public-url", url, **trust)
        assert {check for check, finding in found.items() if finding["severity"] == "left out"} == {
            "readyz",
            "certificate",
            "pixel",
        }
        assert found["server"]["severity"] == "warn"
