"""What the owner of a Kafka destination can choose, and what of it can not be. Loads no library."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta

from pixelwire.destinations.base import OPERATOR_ONLY, TARGET, Options, Secret

TOPIC_CHARACTERS_MAX: Final = 249  # Kafka's own
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]+")
_SERVER: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_PEM: Final = "-----BEGIN "

# Properties of librdkafka that tune a connection. All others are refused, those of later versions too: some
# read files and load code of the server, some would break the promise, and not everybody who makes a
# destination is the operator.
TUNABLE: Final = frozenset({
    "allow.auto.create.topics", "batch.num.messages", "batch.size", "broker.address.family",
    "broker.address.ttl", "client.dns.lookup", "client.rack", "compression.level", "connections.max.idle.ms",
    "linger.ms", "max.in.flight", "message.max.bytes", "metadata.max.age.ms", "metadata.recovery.strategy",
    "partitioner", "reconnect.backoff.max.ms", "reconnect.backoff.ms", "request.timeout.ms",
    "retry.backoff.max.ms", "retry.backoff.ms", "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable", "socket.nagle.disable", "socket.timeout.ms", "ssl.cipher.suites",
    "ssl.curves.list", "ssl.sigalgs.list", "sticky.partitioning.linger.ms",
    "topic.metadata.propagation.max.ms",
})  # fmt: skip
# Those that keep a visitor's events in one partition, and so in order.
_PARTITIONERS: Final = ("consistent_random", "fnv1a_random", "murmur2_random")
_PROMISE: Final = {
    "acks", "enable.idempotence", "enable.gapless.guarantee", "message.timeout.ms", "delivery.timeout.ms",
    "message.send.max.retries", "request.required.acks", "retries", "transactional.id",
}  # fmt: skip
_OPTIONS: Final = {
    "bootstrap.servers": "bootstrap_servers", "client.id": "client_id", "compression.codec": "compression",
    "compression.type": "compression", "metadata.broker.list": "bootstrap_servers",
    "sasl.mechanism": "sasl_mechanism", "sasl.mechanisms": "sasl_mechanism", "sasl.password": "password",
    "sasl.username": "username", "security.protocol": "tls", "ssl.ca.location": "ca_certificates",
    "ssl.ca.pem": "ca_certificates", "ssl.certificate.location": "client_certificate",
    "ssl.certificate.pem": "client_certificate", "ssl.endpoint.identification.algorithm": "check_hostname",
    "ssl.key.location": "client_key", "ssl.key.password": "client_key_password",
    "ssl.key.pem": "client_key",
}  # fmt: skip


class KafkaOptions(Options, frozen=True, kw_only=True):
    bootstrap_servers: Annotated[
        str,
        Meta(
            description="Where the cluster is found: `host:port`, several with commas between.", extra=TARGET
        ),
    ]
    topic: Annotated[
        str,
        Meta(
            description="The topic. `{pixel_id}` and `{call}` (`page`, `track`) in it stand for the event's."
        ),
    ]
    tls: Annotated[bool, Meta(description="Whether connections are encrypted.")] = True
    ca_certificates: Annotated[
        str | None,
        Meta(description="Certificate authorities to trust instead of the system's: the text of a PEM file."),
    ] = None
    check_hostname: Annotated[
        bool, Meta(description="Whether a broker's certificate must be for the name it is reached by.")
    ] = True
    client_certificate: Annotated[
        str | None, Meta(description="A certificate that says who we are: the text of a PEM file.")
    ] = None
    client_key: Annotated[
        Secret | None, Meta(description="The key of the client certificate: the text of a PEM file.")
    ] = None
    client_key_password: Annotated[
        Secret | None, Meta(description="The password of the client key, if it has one.")
    ] = None
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None,
        Meta(description="How `username` and `password` are proven."),
    ] = None
    username: Annotated[str | None, Meta(description="The user, or the API key.")] = None
    password: Annotated[Secret | None, Meta(description="The password, or the API key's secret.")] = None
    compression: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"], Meta(description="How records are compressed.")
    ] = "lz4"
    client_id: Annotated[
        str, Meta(description="The name under which the cluster's logs and quotas know us.")
    ] = "pixelwire"
    timeout_s: Annotated[
        float, Meta(ge=2, le=300, description="How long a batch may take until all of it is confirmed.")
    ] = 30.0
    batch_events_max: Annotated[
        int, Meta(ge=1, le=10_000, description="How many events are sent at once at most.")
    ] = 5_000
    properties: Annotated[
        dict[str, str], Meta(description="Further properties of librdkafka that tune the connection.")
    ] = {}  # noqa: RUF012 msgspec copies it
    allow_private_addresses: Annotated[
        bool,
        Meta(
            description="Whether brokers may lie in a private network: loopback, 10.0.0.0/8 and so on.",
            extra=OPERATOR_ONLY,
        ),
    ] = False

    def problems(self) -> list[str]:
        found = [f"properties: {text}" for text in _property_problems(self.properties)]
        if not addresses(self.bootstrap_servers):
            found.append("bootstrap_servers: write host:port, several with commas between")
        if not is_topic(topic_for(self.topic, "0" * 32, "track")):
            found.append(
                f"topic: letters, digits, `.`, `_`, `-`, `{{pixel_id}}` and `{{call}}`, "
                f"at most {TOPIC_CHARACTERS_MAX} characters"
            )
        if not _CLIENT_ID.fullmatch(self.client_id):
            found.append("client_id: letters, digits, `.`, `_` and `-`, at most 100")
        return found + self._tls_problems() + self._sasl_problems()

    def _tls_problems(self) -> list[str]:
        key = self.client_key.reveal() if self.client_key else None
        texts = {
            "ca_certificates": self.ca_certificates,
            "client_certificate": self.client_certificate,
            "client_key": key,
        }
        found = [f"{name}: needs tls = true" for name, text in texts.items() if text and not self.tls]
        found += [
            f"{name}: is not the text of a PEM file (give the file with --option-file)"
            for name, text in texts.items()
            if text is not None and _PEM not in text
        ]
        if (self.client_certificate is None) != (self.client_key is None):
            found.append("client_certificate: goes with client_key, and neither without the other")
        return found

    def _sasl_problems(self) -> list[str]:
        given = {"username": self.username, "password": self.password and self.password.reveal()}
        if self.sasl_mechanism is None:
            return [f"{name}: needs sasl_mechanism" for name, text in given.items() if text is not None]
        return [f"{name}: is required with sasl_mechanism" for name, text in given.items() if not text]


def addresses(servers: str) -> list[tuple[str, int]]:
    """Hosts (an IPv6 one without its brackets) and ports; none when one of them is not an address."""
    matches = [_SERVER.fullmatch(server.strip()) for server in servers.split(",")]
    found = [(match[1].strip("[]"), int(match[2])) for match in matches if match]
    return found if len(found) == len(matches) and all(0 < port < 65_536 for _, port in found) else []


def topic_for(template: str, pixel_id: str, call: str) -> str:
    return template.replace("{pixel_id}", pixel_id).replace("{call}", call)


def is_topic(name: str) -> bool:
    return bool(_TOPIC.fullmatch(name)) and len(name) <= TOPIC_CHARACTERS_MAX and name not in (".", "..")


def _property_problems(properties: dict[str, str]) -> list[str]:
    found = []
    for name, value in properties.items():
        if name in _PROMISE:
            found.append(f"{name} is set by Pixelwire: that no event is lost rests on it")
        elif name in _OPTIONS:
            found.append(f"{name} is the option `{_OPTIONS[name]}`")
        elif name not in TUNABLE:
            found.append(f"{name} is not one of those that may be set: docs/destinations/kafka.md lists them")
        elif name == "partitioner" and value not in _PARTITIONERS:
            found.append(f"partitioner must keep a key in its partition: {', '.join(_PARTITIONERS)}")
        elif "\x00" in value:
            found.append(f"{name} has a character that no property can have")
    return found
