"""Many connections that send hostile input to one server, and an account of every answer."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from support.hostile import Hostile, Shot

AT_ONCE = 16  # requests on their way on a connection: pipelined, so that the server is never idle
ANSWER_S = 20.0
WRECK_S = 7.0  # the server hangs up on half a head after 5 s
WRECKS_IN_A_ROW = 3
ROUND = 250  # requests between two visits of wrecks

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
OUTCOME = re.compile(rb"\r\nx-pixelwire-outcome: (\w+)\r\n")
MESSAGE_ID = re.compile(rb"\r\nx-pixelwire-message-id: ([!-~]+)\r\n")
OWN_ANSWERS = {400, 405, 408, 413, 414, 431, 501, 505}  # the HTTP server's own
SAMPLED_EVERY = 97


@dataclass
class Account:
    """What was sent and answered."""

    sent: int = 0
    wrecks: int = 0
    doubtful: int = 0  # requests of which it is not known whether they reached the pixel
    statuses: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)  # message ids that were acknowledged, as in the header
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Account") -> None:
        self.sent += other.sent
        self.wrecks += other.wrecks
        self.doubtful += other.doubtful
        self.statuses += other.statuses
        self.outcomes += other.outcomes
        self.sample += other.sample
        self.wrong += other.wrong

    def enter(self, head: bytes) -> None:
        found = STATUS.match(head)
        if found is None:
            self.wrong.append(f"no answer: {head[:200]!r}")
            return
        status = int(found[1])
        self.statuses[status] += 1
        outcome = OUTCOME.search(head)
        if outcome is None:
            if status not in {200, 204, 404} | OWN_ANSWERS:
                self.wrong.append(head[:300].decode("latin-1"))
            return
        self.outcomes[outcome[1].decode()] += 1
        if status not in (200, 400):
            self.wrong.append(head[:300].decode("latin-1"))
        if (message_id := MESSAGE_ID.search(head)) and self.outcomes.total() % SAMPLED_EVERY == 0:
            self.sample.append(message_id[1].decode())


def besiege(
    port: int, write_key: str, *, seed: str, requests: int, connections: int = 32, pause: Callable[[], None]
) -> Account:
    """Sends so many requests and tells what came of them. `pause` is called once, after a fifth of them."""
    total = Account()
    first = max(1, requests // 5)
    for part, amount in (("warm", first), ("long", requests - first)):
        accounts = [Account() for _ in range(connections)]
        threads = [
            threading.Thread(
                target=_attack,
                args=(port, Hostile(f"{seed}-{part}-{number}", write_key), amount // connections, account),
                daemon=True,
            )
            for number, account in enumerate(accounts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for account in accounts:
            total.add(account)
        if part == "warm":
            pause()
    return total


def _attack(port: int, hostile: Hostile, requests: int, account: Account) -> None:
    try:
        while account.sent < requests:
            _volleys(port, hostile, min(ROUND, requests - account.sent), account)
            for _ in range(WRECKS_IN_A_ROW):
                _wreck(port, hostile.wreck(), account)
    except OSError as error:
        account.wrong.append(f"the connection failed: {error!r}")


def _volleys(port: int, hostile: Hostile, requests: int, account: Account) -> None:
    """Requests that hold together, AT_ONCE at a time, on one connection as long as it lasts."""
    connection = _Answers(port)
    while requests > 0:
        shots = [hostile.shot() for _ in range(min(AT_ONCE, requests))]
        account.sent += len(shots)
        requests -= len(shots)
        if not connection.ask(shots, account):
            connection.close()
            connection = _Answers(port)
    connection.close()


def _wreck(port: int, data: bytes, account: Account) -> None:
    """Sends it, takes what comes until the server hangs up, and is gone."""
    account.sent += 1
    account.wrecks += 1
    heads: list[bytes] = []
    with socket.create_connection(("127.0.0.1", port), timeout=WRECK_S) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while piece := connection.recv(65_536):
                received += piece
            heads = [b"HTTP/1." + part for part in received.split(b"HTTP/1.")[1:]]
        except OSError:
            pass  # it hung up while we spoke, as it may
    for head in heads:
        account.enter(head)
    pixels = data.count(b"/pixel/v1/")
    account.doubtful += max(0, pixels - sum(b"\r\nx-pixelwire-outcome: " in head for head in heads))


class _Answers:
    """One connection, and the answers that come on it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self._buffer = b""

    def close(self) -> None:
        self._socket.close()

    def ask(self, shots: list[Shot], account: Account) -> bool:
        """Whether the connection outlived them. What follows one that ended it was not looked at."""
        try:
            self._socket.sendall(b"".join(shot.data for shot in shots))
        except ConnectionError:
            pass  # it hung up in the middle; the answers until then are still there
        for number, shot in enumerate(shots):
            head = self._head(account, shot)
            if head is None:
                account.doubtful += len(shots) - number
                return False
            account.enter(head)
            if b"\r\nconnection: close\r\n" in head:
                return False
        return True

    def _head(self, account: Account, shot: Shot) -> bytes | None:
        try:
            while (end := self._buffer.find(b"\r\n\r\n")) < 0:
                self._receive()
            head, self._buffer = self._buffer[: end + 2], self._buffer[end + 4 :]
            length = LENGTH.search(head)
            body = int(length[1]) if length and shot.has_body else 0
            while len(self._buffer) < body:
                self._receive()
            self._buffer = self._buffer[body:]
        except TimeoutError:
            account.wrong.append(f"no answer in {ANSWER_S} s to {shot.data[:300]!r}")
            return None
        except ConnectionError:
            return None
        return head

    def _receive(self) -> None:
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionResetError("closed before the answer")
        self._buffer += data
