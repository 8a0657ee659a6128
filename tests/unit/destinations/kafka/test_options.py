"""What can be chosen of a Kafka destination, and what can not."""

import re
from pathlib import Path
from typing import Any

import pytest

from pixelwire.destinations.kafka.options import TUNABLE, KafkaOptions, addresses, topic_for
from pixelwire.destinations.options import parse
from pixelwire.errors import InvalidFields

PAGE = Path(__file__).parents[4] / "docs" / "destinations" / "kafka.md"
PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
ENOUGH: dict[str, Any] = {"bootstrap_servers": "kafka.example:9093", "topic": "events"}


def problems(**given: Any) -> list[str]:
    try:
        parse(KafkaOptions, ENOUGH | given)
    except InvalidFields as exc:
        return exc.problems
    return []


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bootstrap_servers": "a:1, b-2.example:9092 ,[2001:db8::1]:65535"},
        {"topic": "a.b_c-{pixel_id}.{call}"},
        {"ca_certificates": PEM, "client_certificate": PEM, "client_key": PEM},
        {"sasl_mechanism": "PLAIN", "username": "$ConnectionString", "password": "Endpoint=sb://x"},
        {"properties": {"linger.ms": "20", "partitioner": "consistent_random"}},
    ],
)
def test_what_a_cluster_needs_can_be_said(given: dict[str, Any]) -> None:
    """None of these is a problem."""
    assert problems(**given) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"bootstrap_servers": ""}, "bootstrap_servers: write host:port"),
        ({"bootstrap_servers": "kafka.example"}, "bootstrap_servers: write host:port"),
        ({"bootstrap_servers": "a:1,"}, "bootstrap_servers: write host:port"),
        ({"bootstrap_servers": "a:65536"}, "bootstrap_servers: write host:port"),
        ({"bootstrap_servers": "SSL://a:1"}, "bootstrap_servers: write host:port"),
        ({"topic": ""}, "topic: letters, digits"),
        ({"topic": ".."}, "topic: letters, digits"),
        ({"topic": "{event}"}, "topic: letters, digits"),
        ({"topic": "x" * 218 + "{pixel_id}"}, "at most 249 characters"),
        ({"client_id": "a b"}, "client_id: letters"),
        ({"timeout_s": 1.0}, "timeout_s: Expected `float` >= 2.0"),
        ({"ca_certificates": "/etc/ca.pem"}, "ca_certificates: is not the text of a PEM file"),
        ({"ca_certificates": PEM, "tls": False}, "ca_certificates: needs tls = true"),
        ({"client_certificate": PEM}, "client_certificate: goes with client_key"),
        ({"client_key": PEM}, "client_certificate: goes with client_key"),
        ({"username": "u"}, "username: needs sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN", "username": "u"}, "password: is required with sasl_mechanism"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism: Invalid enum value"),
    ],
)
def test_what_can_not_be_is_named(given: dict[str, Any], problem: str) -> None:
    """Before anything is sent, with the option's name."""
    assert any(found.startswith(problem) or problem in found for found in problems(**given))


@pytest.mark.parametrize(
    "name", ["acks", "enable.idempotence", "retries", "transactional.id", "message.timeout.ms"]
)
def test_the_promise_can_not_be_tuned_away(name: str) -> None:
    """Whatever makes a confirmation worth less is not the owner's to set."""
    assert problems(properties={name: "0"}) == [
        f"properties: {name} is set by Pixelwire: that no event is lost rests on it"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "plugin.library.paths", "ssl.keystore.location", "ssl.crl.location", "ssl.engine.location",
        "ssl.providers", "sasl.kerberos.kinit.cmd", "sasl.oauthbearer.token.endpoint.url", "debug",
        "test.mock.num.brokers", "sticky.partition", "LINGER.MS",
    ],
)  # fmt: skip
def test_what_reaches_the_server_is_refused(name: str) -> None:
    """Properties that read files, load code, fetch addresses or are not known to be harmless."""
    (problem,) = problems(properties={name: "/etc/shadow"})
    assert problem.startswith(f"properties: {name} is not one of those that may be set")


def test_an_option_is_not_set_twice() -> None:
    """A property that is an option here is told so."""
    assert problems(properties={"sasl.password": "x"}) == [
        "properties: sasl.password is the option `password`"
    ]


def test_a_partitioner_must_keep_a_key_where_it_is() -> None:
    """Records of a visitor in several partitions have no order."""
    (problem,) = problems(properties={"partitioner": "random"})
    assert problem.startswith("properties: partitioner must keep a key in its partition")


def test_only_the_operator_may_allow_private_addresses() -> None:
    """All else is for whoever makes the destination: nothing of it reaches the server."""
    options = parse(KafkaOptions, ENOUGH | {"allow_private_addresses": True, "ca_certificates": PEM})
    assert options.operator_only() == ["allow_private_addresses"]


def test_addresses_are_taken_apart() -> None:
    """As librdkafka reads them."""
    assert addresses("a:1, [2001:db8::1]:9092") == [("a", 1), ("2001:db8::1", 9092)]


def test_a_topic_is_made_of_the_event() -> None:
    """Both placeholders, as often as they stand there."""
    assert topic_for("{call}-{pixel_id}-{call}", "p1", "page") == "page-p1-page"


def test_every_property_that_can_be_set_is_documented() -> None:
    """And no other."""
    section = PAGE.read_text().split("## Properties")[1].split("\n## ")[0].split("\n\n", 2)[2]
    assert set(re.findall(r"`([a-z]+(?:\.[a-z]+)+|partitioner)`", section)) == TUNABLE
