"""The certificate of the public URL, from a real handshake."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pixelwire.doctor import certificate
from pixelwire.doctor.finding import Severity
from support.tls import CERTIFICATE, KEY

ENDS_S = ssl.cert_time_to_seconds("Oct 29 01:09:17 2126 GMT")
DAY_S = 86_400


@contextmanager
def serving(name: str) -> Iterator[str]:
    """A server on localhost with one of the certificates; its URL."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not like the certificate goes."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE.with_name(name), KEY)
    with Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired.pem", "it has expired"),
        ("future.pem", "it is not valid yet"),
        ("other.pem", "it is for another name"),
    ],
)
def test_what_a_browser_would_not_take_fails(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if somebody vouches for it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE.with_name(name)))
    with serving(name) as url:
        finding = certificate.check(url)
    assert (finding.severity, finding.found) == (Severity.FAIL, f"localhost: {words}")
    assert finding.do


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("certificate.pem", "nobody vouches for it"),
        ("unknown_issuer.pem", "its chain does not lead to an authority"),
    ],
)
def test_what_nobody_vouches_for_fails(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, or by somebody who is not known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE.with_name("other.pem")))
    with serving(name) as url:
        finding = certificate.check(url)
    assert finding.severity is Severity.FAIL
    assert words in finding.found


@pytest.mark.parametrize(
    ("days_left", "severity"), [(36_000, Severity.OK), (7_000, Severity.OK), (6_000, Severity.WARN)]
)
def test_what_is_not_renewed_in_time_is_a_warning(
    days_left: int, severity: Severity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sixth of its life before its end: with a life of a century that is early."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with serving("certificate.pem") as url:
        finding = certificate.check(url, lambda: ENDS_S - days_left * DAY_S)
    assert finding.severity is severity
    assert finding.found == f"localhost is vouched for, for {days_left:,} more days (TLSv1.3)"


def test_who_speaks_no_tls_fails() -> None:
    """A proxy that serves http on the port of https."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(4_096)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        finding = certificate.check(f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert finding.severity is Severity.FAIL
    assert "does not agree on TLS" in finding.found


@pytest.mark.parametrize("url", ["http://pixel.example.org", "https://127.0.0.1:9"])
def test_without_tls_or_a_server_it_is_left_out(url: str) -> None:
    """The pixel's own check tells more."""
    assert certificate.check(url).severity is Severity.LEFT_OUT
