"""Load as browsers make it, and an honest ledger of what was answered. Survives a server that dies; what has
an id of its own is sent again then, as a careful client does."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import unquote

from support.waiting import wait_until

PAGE = (
    "/pixel/v1/page?writeKey={key}&anonymousId=anon-{who}&context.page.url=https%3A%2F%2Fshop.example%2Fp%2F{mark}"
    "&context.page.title=A+shop&properties.mark={mark}"
)
TRACK = (
    "/pixel/v1/track?writeKey={key}&anonymousId=anon-{who}&event=Order+Completed"
    "&properties.price=9.5&properties.mark={mark}"
)
ANSWER_S = 10.0
GOES_ON_S = 30.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Ledger:
    """What was sent, and what came back."""

    sent: int = 0  # distinct URLs of which at least one byte may have reached the server
    unanswered: int = 0  # requests whose connection ended before the answer
    acknowledged: list[str] = field(default_factory=list)  # message ids
    outcomes: Counter[str] = field(default_factory=Counter)  # `stored`, `failed unconfirmed`, ...
    wrong: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(amount for outcome, amount in list(self.outcomes.items()) if outcome.startswith("failed"))

    def add(self, other: "Ledger") -> None:
        self.sent += other.sent
        self.unanswered += other.unanswered
        self.acknowledged += other.acknowledged
        self.outcomes += other.outcomes
        self.wrong += other.wrong


class Load:
    """`with Load(port, key) as load:` sends as fast as it is answered, until the end of the block."""

    def __init__(
        self, port: int, write_key: str, *, connections: int = 16, mark: str = "r0", padding_bytes: int = 0
    ) -> None:
        self._port = port
        self._key = write_key
        self._padding = f"&properties.padding={'x' * padding_bytes}" if padding_bytes else ""
        self._stopping = threading.Event()
        self._ledgers = [Ledger() for _ in range(connections)]
        self._threads = [
            threading.Thread(target=self._run, args=(f"{mark}-{number}", ledger), daemon=True)
            for number, ledger in enumerate(self._ledgers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def acknowledged(self) -> int:
        return sum(len(ledger.acknowledged) for ledger in self._ledgers)

    def acknowledged_ids(self) -> list[str]:
        """Those that were answered `stored` up to now."""
        return [message_id for ledger in self._ledgers for message_id in list(ledger.acknowledged)]

    @property
    def failed(self) -> int:
        """Answers that say that the event could not be stored."""
        return sum(ledger.failed for ledger in self._ledgers)

    def wait_stored(self, more: int = 200) -> None:
        """Until so many more were answered `stored`."""
        goal = self.acknowledged + more
        wait_until(lambda: self.acknowledged >= goal, GOES_ON_S, "events are stored")

    def wait_failed(self, more: int = 16) -> None:
        """Until so many more were told that the event could not be stored."""
        goal = self.failed + more
        wait_until(lambda: self.failed >= goal, GOES_ON_S, "requests are answered 503")

    def stop(self) -> Ledger:
        """Ends the load after the answers that are due, and sums up."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(ANSWER_S * 2)
            assert not thread.is_alive()
        total = Ledger()
        for ledger in self._ledgers:
            total.add(ledger)
        return total

    def _run(self, mark: str, ledger: Ledger) -> None:
        connection: Connection | None = None
        for target, own_id in self._targets(mark):
            is_first_try = True
            while not self._stopping.is_set():
                connection = connection or self._connect()
                if connection is None:
                    continue
                ledger.sent += is_first_try
                try:
                    _enter(ledger, connection.get(target), own_id, may_repeat=not is_first_try)
                    break
                except OSError:
                    ledger.unanswered += 1
                    connection.close()
                    connection = None
                    is_first_try = False
                    if not own_id:
                        break  # sent again it would be another event
            if self._stopping.is_set():
                break
        if connection is not None:
            connection.close()

    def _targets(self, mark: str) -> Iterator[tuple[str, str]]:
        """URLs that are all distinct; every second with a message id of its own."""
        number = 0
        while True:
            number += 1
            each = f"{mark}-{number}"
            target = (TRACK if number % 4 < 2 else PAGE).format(key=self._key, who=number % 500, mark=each)
            own_id = f"own-{each}" if number % 2 else ""
            yield target + (f"&messageId={own_id}" if own_id else "") + self._padding, own_id

    def _connect(self) -> "Connection | None":
        try:
            return Connection(self._port)
        except OSError:
            self._stopping.wait(0.05)  # nobody listens yet
            return None


class Connection:
    """One keep-alive connection that speaks just enough HTTP."""

    def __init__(self, port: int, *, timeout_s: float = ANSWER_S) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def get(self, target: str, *, method: str = "GET", headers: str = "") -> Answer:
        """OSError when the connection ended before the whole answer was there."""
        self._socket.sendall(
            f"{method} {target} HTTP/1.1\r\nHost: pixels.example\r\nAccept: image/*\r\n{headers}\r\n".encode()
        )
        return self._answer(has_body=method != "HEAD")

    def close(self) -> None:
        self._socket.close()

    def _answer(self, *, has_body: bool) -> Answer:
        end = time.monotonic() + ANSWER_S
        while b"\r\n\r\n" not in self._buffer:
            self._receive(end)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0")) if has_body else 0
        while len(self._buffer) < length:
            self._receive(end)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(int(status_line.split(" ", 2)[1]), headers, body)

    def _receive(self, end: float) -> None:
        if time.monotonic() > end:
            raise TimeoutError("no whole answer in time")
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionResetError("closed before the answer")
        self._buffer += data


def _enter(ledger: Ledger, answer: Answer, own_id: str, *, may_repeat: bool) -> None:
    outcome = answer.headers.get("x-pixelwire-outcome", "")
    message_id = unquote(answer.headers.get("x-pixelwire-message-id", ""))
    ledger.outcomes[f"{outcome} {answer.headers.get('x-pixelwire-reason', '')}".strip()] += 1
    is_there = outcome == "stored" or (outcome == "duplicate" and may_repeat)
    is_failed = answer.status == 503 and outcome == "failed" and "retry-after" in answer.headers
    if answer.status == 200 and is_there and message_id and message_id == (own_id or message_id):
        ledger.acknowledged.append(message_id)
    elif not is_failed:
        ledger.wrong.append(f"{answer.status} {outcome!r} {answer.headers} {answer.body[:80]!r}")
