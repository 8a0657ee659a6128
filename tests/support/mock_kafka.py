"""librdkafka's mock of a Kafka cluster, in this process: real sockets, the real protocol, faults on command.

The Python binding has no way to command it, so the library it brings is asked itself.
"""

import ctypes
from ctypes import c_char_p, c_int, c_int16, c_int32, c_size_t, c_void_p
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import confluent_kafka

PRODUCE: Final = 0  # requests, by their number in the protocol
METADATA: Final = 3
INIT_PRODUCER_ID: Final = 22

_PRODUCER: Final = 0
_ERROR_BYTES: Final = 512


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (path,) = folder.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (c_void_p, []),
        "rd_kafka_conf_set": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
        "rd_kafka_new": (c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
        "rd_kafka_destroy": (None, [c_void_p]),
        "rd_kafka_mock_cluster_new": (c_void_p, [c_void_p, c_int]),
        "rd_kafka_mock_cluster_destroy": (None, [c_void_p]),
        "rd_kafka_mock_cluster_bootstraps": (c_char_p, [c_void_p]),
        "rd_kafka_mock_topic_create": (c_int, [c_void_p, c_char_p, c_int, c_int]),
        "rd_kafka_mock_topic_set_error": (None, [c_void_p, c_char_p, c_int]),
        "rd_kafka_mock_push_request_errors_array": (None, [c_void_p, c_int16, c_size_t, c_void_p]),
        "rd_kafka_mock_clear_request_errors": (None, [c_void_p, c_int16]),
        "rd_kafka_mock_partition_push_request_errors": (
            c_int,
            [c_void_p, c_char_p, c_int32, c_int16, c_size_t],
        ),
        "rd_kafka_mock_broker_set_down": (c_int, [c_void_p, c_int32]),
        "rd_kafka_mock_broker_set_up": (c_int, [c_void_p, c_int32]),
        "rd_kafka_mock_broker_set_rtt": (c_int, [c_void_p, c_int32, c_int]),
        "rd_kafka_mock_broker_set_host_port": (c_int, [c_void_p, c_int32, c_char_p, c_int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class MockKafka:
    """A cluster of one broker, number 1, that makes topics as they are asked for."""

    def __init__(self) -> None:
        self._library = _library()
        problem = ctypes.create_string_buffer(_ERROR_BYTES)
        settings = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(settings, b"log_level", b"0", problem, _ERROR_BYTES)
        self._handle = self._library.rd_kafka_new(_PRODUCER, settings, problem, _ERROR_BYTES)
        assert self._handle, problem.value
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        self.servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)

    def make_topic(self, name: str, partitions: int = 1) -> None:
        assert self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1) == 0

    def fail(self, request: int, *errors: int) -> None:
        """The next requests of this kind get these answers, one after the other."""
        array = (c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), array)

    def fail_partition(self, topic: str, partition: int, request: int, *errors: int) -> None:
        """As `fail`, for what concerns this partition only; `heal` does not take it back."""
        values = [c_int(error) for error in errors]
        push = self._library.rd_kafka_mock_partition_push_request_errors
        assert push(self._cluster, topic.encode(), partition, request, len(values), *values) == 0

    def fail_topic(self, name: str, error: int) -> None:
        """What the metadata say of a topic; 0 for nothing."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), error)

    def heal(self) -> None:
        """No request fails any more, the broker is there, and answers at once."""
        for request in (PRODUCE, METADATA, INIT_PRODUCER_ID):
            self._library.rd_kafka_mock_clear_request_errors(self._cluster, request)
        self.answer_after(0)
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def go_away(self) -> None:
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def answer_after(self, delay_ms: int) -> None:
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, 1, delay_ms)

    def advertise(self, host: str, port: int) -> None:
        """Where the metadata say that the broker is."""
        self._library.rd_kafka_mock_broker_set_host_port(self._cluster, 1, host.encode(), port)
