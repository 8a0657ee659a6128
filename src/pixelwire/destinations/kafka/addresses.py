"""Keeps the library's connections out of the server's own network, as far as can be seen from outside it.

librdkafka makes its connections itself, to what brokers advertise, and has no place for a guard. So names are
looked up before it is given any, and what brokers advertise before an event is sent.
"""

import socket
from collections.abc import Iterable

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.guard import is_private


def refuse_private(hosts: Iterable[str], whose: str) -> None:
    """Blocks. Misconfigured when one of the hosts is private, Unreachable when none has an address."""
    problem = ""
    is_any_known = False
    for host in hosts:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            problem = f"{host} has no address: {exc}"
            continue
        is_any_known = True
        if any(is_private(str(target[0])) for *_, target in found):
            raise Misconfigured(
                f"{host} ({whose}) is a private address",
                hint="set allow_private_addresses = true if it is meant, then resume the destination",
            )
    if not is_any_known:
        raise Unreachable(problem or "there is no broker")
