"""The certificate of the public URL, as a browser would judge it."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from pixelwire.doctor.finding import Finding, fail, left_out, ok, warn

CHECK: Final = "certificate"
TIMEOUT_S: Final = 10.0
DAY_S: Final = 86_400
# A certificate of 90 days is renewed after 60, one of 6 days after 4: by then something went wrong.
LEFT_MIN: Final = 1 / 6

# OpenSSL's numbers (openssl-verify(1)).
EXPIRED: Final = 10
NOT_YET: Final = 9
SELF_SIGNED: Final = (18, 19)
NO_ISSUER: Final = (2, 20, 21)
WRONG_NAME: Final = (62, 64)


def check(url: str, now_s: Callable[[], float] = time.time) -> Finding:
    """One TLS handshake."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return left_out(CHECK, "the public URL is not https")
    host = parts.hostname
    try:
        with (
            socket.create_connection((host, parts.port or 443), timeout=TIMEOUT_S) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as connection,
        ):
            return _judge(host, connection.getpeercert() or {}, connection.version() or "TLS", now_s())
    except ssl.SSLCertVerificationError as error:
        return _refused(host, error)
    except ssl.SSLError as error:
        text = f"{host} does not agree on TLS: {error.reason or error}"
        return fail(CHECK, text, "see that the proxy serves TLS 1.2 or newer on this port")
    except OSError as error:
        return left_out(CHECK, f"{host} can not be reached: {error.strerror or error}")


def _judge(host: str, certificate: Any, version: str, now_s: float) -> Finding:
    ends_s = ssl.cert_time_to_seconds(certificate["notAfter"])
    begins_s = ssl.cert_time_to_seconds(certificate["notBefore"])
    days = (ends_s - now_s) / DAY_S
    said = f"{host} is vouched for, for {days:,.0f} more days ({version})"
    if ends_s - now_s < LEFT_MIN * (ends_s - begins_s):
        return warn(CHECK, said, "see why it is not renewed: that is overdue")
    return ok(CHECK, said)


def _refused(host: str, error: ssl.SSLCertVerificationError) -> Finding:
    code, do = error.verify_code, "have the proxy get one from a public authority, such as Let's Encrypt"
    if code == EXPIRED:
        return fail(CHECK, f"{host}: it has expired", "renew it, and see why that does not happen by itself")
    if code == NOT_YET:
        return fail(CHECK, f"{host}: it is not valid yet", "see whether this machine's clock is right")
    if code in WRONG_NAME:
        return fail(CHECK, f"{host}: it is for another name", f"get one for {host}, or mend public_url")
    if code in SELF_SIGNED:
        return fail(CHECK, f"{host}: nobody vouches for it, no browser loads the pixel", do)
    if code in NO_ISSUER:
        text = f"{host}: its chain does not lead to an authority that this machine knows"
        return fail(CHECK, text, "serve the whole chain (fullchain.pem), not the certificate alone")
    return fail(CHECK, f"{host}: {error.verify_message}", do)
