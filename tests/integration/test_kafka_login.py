"""Kafka with TLS and logins: what is accepted, what is refused, and that no secret is told."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Batch, Misconfigured, Sent, Surroundings, Unreachable
from pixelwire.destinations.kafka.destination import Kafka
from pixelwire.errors import DestinationError
from pixelwire.testing.check_destination import make_item
from support.kafka_front import KafkaFront
from support.kafka_records import records
from support.tansu import HOST, Tansu, free_port
from support.tls import CERTIFICATE, KEY, server_context

TOPIC = "events"
OTHER = CERTIFICATE.with_name("other.pem")
LOGIN = ("$ConnectionString", "Endpoint=sb://hunter2;SharedAccessKey=x/y=")


def build(servers: str, **options: Any) -> Kafka:
    given = {"bootstrap_servers": servers, "topic": TOPIC, "timeout_s": 5.0, **options}
    built, _ = registry.build("kafka", given, Surroundings(SystemClock(), True))
    assert isinstance(built, Kafka)
    return built


async def check_and_send(destination: Kafka) -> None:
    """Raises what the check raises, which is what a send raises."""
    errors: list[DestinationError] = []
    await destination.open()
    try:
        for attempt in (destination.check, lambda: destination.send(Batch([make_item(1)]))):
            try:
                result = await attempt()
                assert result is None or result.results == [Sent()]
            except DestinationError as exc:
                errors.append(exc)
    finally:
        await destination.close()
    assert len({type(error) for error in errors}) <= 1
    assert len(errors) in (0, 2)
    if errors:
        raise errors[0]


@contextmanager
def fronted(host: str, **front_options: Any) -> Iterator[str]:
    """The address of a broker behind its front."""
    port = free_port()
    with (
        KafkaFront(port, **front_options) as front,
        Tansu(port=port, advertised=f"{host}:{front.port}") as broker,
    ):
        broker.make_topic(TOPIC)
        yield f"{host}:{front.port}"


def test_an_encrypted_connection_is_to_whom_it_should_be() -> None:
    """A certificate that is trusted, for the name in the address."""
    trusted = CERTIFICATE.read_text()
    with fronted("localhost", tls=server_context()) as servers:
        asyncio.run(check_and_send(build(servers, ca_certificates=trusted)))
        with pytest.raises(Unreachable, match="certificate verify failed"):
            asyncio.run(check_and_send(build(servers)))
        with pytest.raises(Unreachable, match="certificate verify failed"):
            asyncio.run(check_and_send(build(servers, ca_certificates=OTHER.read_text())))
    with fronted(HOST, tls=server_context()) as servers:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            asyncio.run(check_and_send(build(servers, ca_certificates=trusted)))
        asyncio.run(check_and_send(build(servers, ca_certificates=trusted, check_hostname=False)))


def test_a_client_certificate_says_who_we_are() -> None:
    """A broker that wants one takes no other connection."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(CERTIFICATE)
    trusted = {"ca_certificates": CERTIFICATE.read_text()}
    own = {"client_certificate": CERTIFICATE.read_text(), "client_key": KEY.read_text()}
    with fronted("localhost", tls=context) as servers:
        asyncio.run(check_and_send(build(servers, **trusted, **own)))
        with pytest.raises(Unreachable):
            asyncio.run(check_and_send(build(servers, **trusted)))


def test_a_key_that_is_none_is_told_when_it_opens() -> None:
    """Without a word of it."""
    own = {
        "client_certificate": CERTIFICATE.read_text(),
        "client_key": "-----BEGIN PRIVATE KEY-----\nhunter2",
    }
    with pytest.raises(Misconfigured, match="librdkafka refuses the options") as raised:
        asyncio.run(build("kafka.example:9093", **own).open())
    assert "hunter2" not in str(raised.value)


def test_an_encrypted_login_sends() -> None:
    """By SASL PLAIN, as clouds want it: with a connection string for a password."""
    user, password = LOGIN
    options = {"sasl_mechanism": "PLAIN", "username": user, "password": password}
    with fronted("localhost", tls=server_context(), login=LOGIN) as servers:
        asyncio.run(check_and_send(build(servers, ca_certificates=CERTIFICATE.read_text(), **options)))
        found = records(
            servers,
            TOPIC,
            security_protocol="sasl_ssl",
            ssl_ca_location=str(CERTIFICATE),
            sasl_mechanism="PLAIN",
            sasl_username=user,
            sasl_password=password,
        )
        assert [record.message_id for record in found] == ["message-1"]


@pytest.mark.parametrize(
    "wrong", [{"password": "hunter3"}, {"username": "nobody"}, {"sasl_mechanism": "SCRAM-SHA-512"}]
)
def test_a_wrong_login_pauses(wrong: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    """With what to do; the secret is in no text, no line of a log, and the library writes none by itself."""
    options = {"sasl_mechanism": "PLAIN", "username": LOGIN[0], "password": LOGIN[1], "tls": False} | wrong
    with fronted(HOST, login=LOGIN) as servers:
        destination = build(servers, **options)
        with pytest.raises(Misconfigured, match="correct `sasl_mechanism`, `username` and") as raised:
            asyncio.run(check_and_send(destination))
    output, errors = capfd.readouterr()
    assert "%3|" not in errors
    for text in (str(raised.value), repr(vars(destination)), output, errors):
        assert options["password"] not in text


def test_a_broker_that_knows_nobody_pauses() -> None:
    """A real one's own refusal of a user it does not have, by SCRAM."""
    login = {"sasl_mechanism": "SCRAM-SHA-256", "username": "stranger", "password": "hunter2", "tls": False}
    with (
        Tansu("--authentication") as broker,
        pytest.raises(Misconfigured, match="SASL SCRAM authentication failed"),
    ):
        asyncio.run(check_and_send(build(broker.servers, **login)))


def test_tls_where_there_is_none_is_tried_again(tansu: Tansu) -> None:
    """A listener that does not know what a handshake is says nothing: nobody is there."""
    with pytest.raises(Unreachable):
        asyncio.run(check_and_send(build(tansu.servers)))
