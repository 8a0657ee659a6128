"""One producer of librdkafka's: sends a batch and reports on each record. Knows no option and no event.

All of it runs on the event loop's thread: `produce` and `poll(0)` never block, and reports from another
thread would fight over the interpreter's lock once for each record. What does block runs in the background.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.kafka.addresses import private_connection
from pixelwire.destinations.kafka.background import in_background
from pixelwire.destinations.kafka.judgement import PRIVATE_ADDRESS, Fault, is_owners, raise_connection
from pixelwire.telemetry import logger

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin._metadata import ClusterMetadata

POLL_S: Final = 0.002
SLICE_RECORDS: Final = 250  # handed over before others get their turn on the loop
DOWN_S: Final = 2.0  # how long all brokers may be down before a batch is given up
ASK_S: Final = 2.0
AGAIN_S: Final = 0.1
CLOSE_S_MAX: Final = 5.0
_ALL_DOWN: Final = "_ALL_BROKERS_DOWN"
_NO_REPORT: Final = Fault("", "")

Clean = Callable[[str], str]


class Record(msgspec.Struct, frozen=True):
    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


class Client:
    """Connects by itself, in the background, as soon as it is made; never to be used again after `end`."""

    def __init__(self, properties: dict[str, Any], clean: Clean, *, is_guarded: bool) -> None:
        """`is_guarded`: a connection to a private address ends it.

        Misconfigured when the library is not there or does not accept the properties.
        """
        library = load_library()
        self._clean = clean
        self._notes = _Notes(clean)
        self._blocked = threading.Lock()  # one call that blocks at a time: the last is the end
        telling = {"debug": "broker", "log_level": 7} if is_guarded else {}
        try:
            self._producer = library.Producer(
                {**properties, **telling, "error_cb": self._notes}, logger=_quiet_logger(clean, self._notes)
            )
        except library.KafkaException as exc:
            text = clean(exc.args[0].str())
            raise Misconfigured(f"librdkafka refuses the options: {text}", hint="correct them") from exc

    async def deliver(self, records: Iterable[Record], amount: int, timeout_s: float) -> list[Fault | None]:
        """What came of each of so many records within the time; None is confirmed, on all replicas.

        Faults that are the connection's are those of every record that is not confirmed.
        """
        loop, reports = asyncio.get_running_loop(), _Reports(amount, self._clean)
        ends_s = loop.time() + timeout_s
        self._poll()
        self._notes.forget()  # what happened since the last batch
        for place, record in enumerate(records):
            self._produce(record, place, reports)
            if place % SLICE_RECORDS == SLICE_RECORDS - 1:
                self._poll()
                await asyncio.sleep(0)
        left, changed_s = reports.left, loop.time()
        while reports.left:
            self._poll()
            now_s = loop.time()
            if reports.left < left:
                left, changed_s = reports.left, now_s
                self._notes.hear_a_broker()
            fault = self._notes.fault(is_late=now_s - changed_s > DOWN_S) or (
                Fault("_TIMED_OUT", f"no confirmation within {timeout_s:g} s{self._notes.last_words}")
                if now_s > ends_s
                else None
            )
            if fault is not None:
                reports.fail_the_rest(fault)
            elif reports.left:
                await asyncio.sleep(POLL_S)
        return reports.faults

    async def metadata(self, topic: str, timeout_s: float) -> "ClusterMetadata":
        """All brokers, and what is known of the topic. Misconfigured or Unreachable when no broker tells."""
        asking = asyncio.ensure_future(self._ask(topic))
        try:
            await self.listen(asking.done, timeout_s)
            return await asking
        finally:
            asking.cancel()

    async def listen(self, is_done: Callable[[], bool], timeout_s: float) -> None:
        """Serves callbacks until it is done. Misconfigured or Unreachable as soon as waiting is useless."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not is_done():
            self._poll()
            waited_s = loop.time() - began_s
            if fault := self._notes.fault(is_late=waited_s > DOWN_S):
                raise_connection(fault)
            if waited_s > timeout_s:
                raise Unreachable(f"no answer within {timeout_s:g} s{self._notes.last_words}")
            await asyncio.sleep(POLL_S)

    async def end(self) -> None:
        """Drops what was not confirmed. Goes on in the background when it takes longer than a moment."""
        self._producer.purge()
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                await in_background(self._close)
        except TimeoutError:
            pass  # a resolver that hangs, most likely

    def _poll(self) -> None:
        """Serves callbacks. A fatal error is raised instead of told: the producer is of no use any more."""
        try:
            self._producer.poll(0)
        except load_library().KafkaException as exc:
            self._notes(exc.args[0])

    def _produce(self, record: Record, place: int, reports: "_Reports") -> None:
        library = load_library()
        try:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=record.headers,
                on_delivery=partial(reports.take, place),
            )
        except library.KafkaException as exc:
            fault = fault_of(exc.args[0], self._clean)
            reports.fail(place, msgspec.structs.replace(fault, is_its_own=True))
        except BufferError as exc:
            reports.fail(place, Fault("_QUEUE_FULL", str(exc)))

    async def _ask(self, topic: str) -> "ClusterMetadata":
        """Until a broker answers. Each question is short, so that the end of the client need not wait."""
        library = load_library()
        while True:
            try:
                return await in_background(partial(self._metadata, topic))
            except library.KafkaException as exc:
                fault = fault_of(exc.args[0], self._clean)
                if is_owners(fault):
                    raise_connection(fault)
                await asyncio.sleep(AGAIN_S)  # why, the producer tells beside it

    def _metadata(self, topic: str) -> "ClusterMetadata":
        with self._blocked:
            found: ClusterMetadata = self._producer.list_topics(topic, timeout=ASK_S)
            return found

    def _close(self) -> None:
        with self._blocked:
            self._producer.close()


def load_library() -> Any:
    """Misconfigured, with what to install, when it is not there."""
    try:
        import confluent_kafka
    except ImportError as exc:
        raise Misconfigured(
            "the library for Kafka is not installed", hint='pip install "pixelwire[kafka]", then restart'
        ) from exc
    return confluent_kafka


def fault_of(error: "KafkaError", clean: Clean) -> Fault:
    return Fault(error.name(), clean(error.str()))


class _Reports:
    """What is known of the records of one batch."""

    def __init__(self, records: int, clean: Clean) -> None:
        self.faults: list[Fault | None] = [_NO_REPORT] * records
        self.left = records
        self._clean = clean

    def take(self, place: int, error: "KafkaError | None", _: object) -> None:
        """librdkafka's delivery report; called for every record of every batch."""
        if self.faults[place] is _NO_REPORT:
            self.faults[place] = None if error is None else fault_of(error, self._clean)
            self.left -= 1

    def fail(self, place: int, fault: Fault) -> None:
        if self.faults[place] is _NO_REPORT:
            self.faults[place] = fault
            self.left -= 1

    def fail_the_rest(self, fault: Fault) -> None:
        for place in range(len(self.faults)):
            self.fail(place, fault)


class _Notes:
    """What the producer says beside its reports. Apart from the client: no cycle keeps a producer alive."""

    def __init__(self, clean: Clean) -> None:
        self._clean = clean
        self.forget()

    def forget(self) -> None:
        self._fatal: Fault | None = None
        self._last: Fault | None = None
        self._are_all_down = False

    def hear_a_broker(self) -> None:
        self._are_all_down = False

    def __call__(self, error: "KafkaError") -> None:
        if error.name() == _ALL_DOWN:
            self._are_all_down = True
            return
        self._last = fault_of(error, self._clean)
        if error.fatal() or is_owners(self._last):
            self._fatal = self._fatal or self._last

    def read(self, line: str) -> None:
        """A line of the log, which tells of connections where the client is guarded."""
        if broker := private_connection(line):
            self._fatal = Fault(PRIVATE_ADDRESS, f"{broker} is at a private address")

    @property
    def last_words(self) -> str:
        return f" ({self._last.text})" if self._last else ""

    def fault(self, *, is_late: bool) -> Fault | None:
        """What makes waiting useless: an error that will not go away, or brokers that stay away."""
        if self._fatal is None and self._are_all_down and is_late:
            return self._last or Fault(_ALL_DOWN, "no broker can be reached")
        return self._fatal


class _Handler(logging.Handler):
    """librdkafka's lines, for those who look at ours of level debug, and for the guard."""

    def __init__(self, clean: Clean, notes: _Notes) -> None:
        super().__init__()
        self._clean = clean
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if record.levelno > logging.DEBUG:
            logger("deliver").debug("kafka_said", text=self._clean(line))
        else:
            self._notes.read(line)


def _quiet_logger(clean: Clean, notes: _Notes) -> logging.Logger:
    found = logging.Logger("kafka")
    found.addHandler(_Handler(clean, notes))
    return found
