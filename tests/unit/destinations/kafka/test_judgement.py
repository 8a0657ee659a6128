"""What was reported of a batch's records becomes what the engine is told."""

import pytest

from pixelwire.destinations.base import GiveUp, Misconfigured, Refused, Sent, Unreachable
from pixelwire.destinations.kafka.judgement import Fault, judge, raise_connection

TOO_LARGE = Fault("MSG_SIZE_TOO_LARGE", "Broker: Message size too large")
NO_LEADER = Fault("NOT_LEADER_FOR_PARTITION", "Broker: Not leader for partition")
TIMED_OUT = Fault("_TIMED_OUT", "no confirmation within 30 s")


def test_what_is_confirmed_is_sent() -> None:
    """All of it, item by item."""
    assert judge([None, None]).results == [Sent(), Sent()]


@pytest.mark.parametrize("name", ["MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_TIMESTAMP"])
def test_a_record_that_is_refused_alone_is_given_up(name: str) -> None:
    """The one that was refused; its neighbours are sent."""
    assert judge([None, Fault(name, "why"), None]).results == [Sent(), GiveUp("why"), Sent()]


def test_what_the_library_refuses_is_surely_the_records_own_fault() -> None:
    """Several at once too: they never went out together with others."""
    fault = Fault("MSG_SIZE_TOO_LARGE", "why", is_its_own=True)
    assert judge([fault, None, fault]).results == [GiveUp("why"), Sent(), GiveUp("why")]


def test_several_that_were_refused_are_looked_at_in_halves() -> None:
    """Brokers refuse what was sent together as one: whose fault it is can not be known."""
    with pytest.raises(Refused, match="too large"):
        judge([None, TOO_LARGE, TOO_LARGE])


def test_a_neighbours_fault_is_nobodys_dead_letter() -> None:
    """A record that is valid itself goes again, though it is the only one of its kind."""
    with pytest.raises(Refused):
        judge([Fault("INVALID_RECORD", "a", is_its_own=True), Fault("_INVALID_DIFFERENT_RECORD", "b")])


@pytest.mark.parametrize("fault", [NO_LEADER, TIMED_OUT, Fault("SOMETHING_NEW", "?"), Fault("_FATAL", "?")])
def test_what_may_pass_makes_the_whole_batch_come_again(fault: Fault) -> None:
    """Even what was confirmed: nothing may count as sent behind something that is not."""
    with pytest.raises(Unreachable, match="1 of 3 confirmed: "):
        judge([fault, None, TOO_LARGE])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("UNKNOWN_TOPIC_OR_PART", "create the topic"),
        ("_UNKNOWN_TOPIC", "create the topic"),
        ("TOPIC_AUTHORIZATION_FAILED", "grant the right"),
        ("CLUSTER_AUTHORIZATION_FAILED", "IdempotentWrite"),
        ("_AUTHENTICATION", "correct `sasl_mechanism`"),
        ("SASL_AUTHENTICATION_FAILED", "correct `sasl_mechanism`"),
        ("UNSUPPORTED_COMPRESSION_TYPE", "set another `compression`"),
        ("_UNSUPPORTED_FEATURE", "Kafka 0.11"),
    ],
)
def test_what_its_owner_must_mend_pauses(name: str, hint: str) -> None:
    """Whatever else came of the batch, and with what to do."""
    with pytest.raises(Misconfigured, match=hint):
        judge([NO_LEADER, Fault(name, "why"), None])
    with pytest.raises(Misconfigured, match=hint):
        raise_connection(Fault(name, "why"))


def test_a_connection_that_fails_is_tried_again() -> None:
    """What is not its owner's to mend is nobody there."""
    with pytest.raises(Unreachable, match="refused"):
        raise_connection(Fault("_TRANSPORT", "refused"))
