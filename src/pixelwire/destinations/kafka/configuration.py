"""The options as librdkafka's own properties, and its words made fit for a reason. Loads no library."""

import re
from typing import Any, Final

from pixelwire.destinations.kafka.options import KafkaOptions
from pixelwire.destinations.secret import HIDDEN, Secret

REASON_CHARACTERS_MAX: Final = 200
# Longer than a new topic needs to be known to all brokers, shorter than an owner waits for an answer.
PROPAGATION_S_MAX: Final = 5.0
SETUP_S_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 16 * 1_048_576  # what a broker of anybody's may have us keep in memory
_STATE: Final = re.compile(r" \(after \d+ms in state \w+(, \d+ identical error\(s\) suppressed)?\)")


def configuration(options: KafkaOptions) -> dict[str, Any]:
    """The properties of a producer, `bootstrap.servers` among them."""
    timeout_s = options.timeout_s
    found: dict[str, Any] = {
        # Tuned by the owner at will.
        "partitioner": "murmur2_random",  # as Kafka's own producers choose: the same key, the same partition
        "topic.metadata.propagation.max.ms": _ms(min(PROPAGATION_S_MAX, timeout_s / 2)),
        "socket.connection.setup.timeout.ms": _ms(min(SETUP_S_MAX, timeout_s / 2)),
        "socket.keepalive.enable": True,
        "allow.auto.create.topics": False,
        **options.properties,
        # The promise. A record has no time-out of its own: one that is given up while its follower is sent
        # would break the order. The whole batch is given up instead.
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": 0,
        "bootstrap.servers": options.bootstrap_servers,
        "client.id": options.client_id,
        "compression.type": options.compression,
        "receive.message.max.bytes": ANSWER_BYTES_MAX,
        "enable.metrics.push": False,
        "log_level": 4,
        **_security(options),
    }
    return found


def secrets_of(options: KafkaOptions) -> list[str]:
    """What no text of librdkafka's may show."""
    found = (options.password, options.client_key, options.client_key_password)
    return [secret.reveal() for secret in found if isinstance(secret, Secret) and secret.reveal()]


def cleaned(text: str, secrets: list[str]) -> str:
    """A text of librdkafka's as one short line without secrets."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = _STATE.sub("", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:REASON_CHARACTERS_MAX]


def _security(options: KafkaOptions) -> dict[str, Any]:
    found: dict[str, Any] = {
        "security.protocol": ("sasl_" if options.sasl_mechanism else "")
        + ("ssl" if options.tls else "plaintext")
    }
    if options.tls:
        found["ssl.endpoint.identification.algorithm"] = "https" if options.check_hostname else "none"
    if options.ca_certificates:
        found["ssl.ca.pem"] = options.ca_certificates
    if options.client_certificate and options.client_key:
        found["ssl.certificate.pem"] = options.client_certificate
        found["ssl.key.pem"] = options.client_key.reveal()
    if options.client_key_password:
        found["ssl.key.password"] = options.client_key_password.reveal()
    if options.sasl_mechanism and options.password:
        found["sasl.mechanism"] = options.sasl_mechanism
        found["sasl.username"] = options.username
        found["sasl.password"] = options.password.reveal()
    return found


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
