"""Certificates for localhost: one that nobody vouches for, and such of an authority of the test's own."""

import ssl
import subprocess
from pathlib import Path

from support.recipes import program

CERTIFICATE = Path(__file__).parent / "certificate" / "certificate.pem"
KEY = Path(__file__).parent / "certificate" / "key.pem"


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def localhost_by_authority(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority made for the test, as a PEM file, and a server's context it vouches for.

    Some clients take no certificate from a server that is an authority itself, as the one above is.
    """
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority, request, own = (directory / name for name in ("authority.pem", "request.pem", "own.pem"))
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost\n")
    for arguments in (
        [*("req", "-x509", "-days", "2", "-subj", "/CN=Test"), *key, *_out(authority)],
        [*("req", "-subj", "/CN=localhost"), *key, *_out(request)],
        [
            *("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions)),
            *("-CA", str(authority), "-CAkey", f"{authority}.key", "-out", str(own)),
        ],
    ):
        subprocess.run([program("openssl", "openssl"), *arguments], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, f"{request}.key")
    return authority, context


def _out(path: Path) -> list[str]:
    return ["-out", str(path), "-keyout", f"{path}.key"]
