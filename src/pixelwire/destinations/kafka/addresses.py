"""Keeps the library's connections out of the server's own network, as far as can be seen from outside it.

librdkafka makes its connections itself, to what brokers advertise, and has no place for a guard. So names are
looked up before it is given any, what brokers advertise before an event is sent, and of each connection it
tells the address when it begins: one that is private, by a name that changed its mind, ends the client.
"""

import re
import socket
from collections.abc import Iterable
from typing import Final

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.guard import is_private

PRIVATE_HINT: Final = "set allow_private_addresses = true if it is meant, then resume the destination"

_CONNECTING: Final = re.compile(r"(\S+): Connecting to ipv[46]#\[?([0-9A-Fa-f.:]+?)(?:%\w+)?\]?:\d+ ")


def private_connection(line: str) -> str:
    """The broker that a line of librdkafka's log tells a connection to a private address of, "" for none."""
    found = _CONNECTING.search(line)
    return found[1] if found and is_private(found[2]) else ""


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
                hint=PRIVATE_HINT,
            )
    if not is_any_known:
        raise Unreachable(problem or "there is no broker")
