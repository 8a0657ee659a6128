"""Options as librdkafka's properties."""

from typing import Any

import pytest

from pixelwire.destinations.kafka.configuration import cleaned, configuration, secrets_of
from pixelwire.destinations.kafka.options import KafkaOptions
from pixelwire.destinations.options import parse

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def options(**given: Any) -> KafkaOptions:
    return parse(KafkaOptions, {"bootstrap_servers": "kafka.example:9093", "topic": "events"} | given)


def test_the_promise_is_in_every_configuration() -> None:
    """Confirmed by all replicas, in order, and given up by us alone."""
    found = configuration(options(properties={"linger.ms": "50"}))
    assert (found["acks"], found["enable.idempotence"], found["message.timeout.ms"]) == ("all", True, 0)
    assert found["linger.ms"] == "50"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "ssl"),
        ({"tls": False}, "plaintext"),
        ({"sasl_mechanism": "PLAIN", "username": "u", "password": "p"}, "sasl_ssl"),
        ({"tls": False, "sasl_mechanism": "PLAIN", "username": "u", "password": "p"}, "sasl_plaintext"),
    ],
)
def test_the_protocol_follows_from_tls_and_login(given: dict[str, Any], expected: str) -> None:
    """As Kafka names the four."""
    assert configuration(options(**given))["security.protocol"] == expected


def test_certificates_are_given_as_text() -> None:
    """No name of a file reaches the library."""
    found = configuration(options(ca_certificates=PEM, client_certificate=PEM, client_key=PEM + "k"))
    assert (found["ssl.ca.pem"], found["ssl.certificate.pem"], found["ssl.key.pem"]) == (PEM, PEM, PEM + "k")
    assert [name for name in found if name.endswith("location")] == []


def test_hostnames_are_checked_unless_it_is_said() -> None:
    """A certificate for another name is another server."""
    algorithm = "ssl.endpoint.identification.algorithm"
    assert configuration(options())[algorithm] == "https"
    assert configuration(options(check_hostname=False))[algorithm] == "none"


def test_a_text_of_the_library_shows_no_secret() -> None:
    """One short line, without control characters and without what librdkafka measured."""
    secrets = secrets_of(options(sasl_mechanism="PLAIN", username="u", password="hunter2"))
    measured = "(after 14ms in state AUTH_REQ, 2 identical error(s) suppressed)"
    text = f"a:1/bootstrap: login of hunter2\nfailed\x1b[0m {measured}"
    assert cleaned(text, secrets) == "a:1/bootstrap: login of <hidden> failed [0m"
    assert len(cleaned("x" * 1_000, [])) == 200
