"""A certificate for localhost that nobody vouches for, and its key: for tests, of no use to anybody else."""

import ssl
from pathlib import Path

CERTIFICATE = Path(__file__).parent / "certificate" / "certificate.pem"
KEY = Path(__file__).parent / "certificate" / "key.pem"


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context
