"""What librdkafka reported of a batch as what the engine is told. Pure: loads no library.

Errors are known by librdkafka's names; those of its own making begin with an underscore.
"""

from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec

from pixelwire.destinations.base import (
    BatchResult,
    GiveUp,
    ItemResult,
    Misconfigured,
    Refused,
    Sent,
    Unreachable,
)
from pixelwire.destinations.kafka.addresses import PRIVATE_HINT

_TOPIC_HINT: Final = "create the topic or correct `topic`, then resume the destination"
_RIGHTS_HINT: Final = "grant the right to write to the topic, then resume the destination"
_LOGIN_HINT: Final = "correct `sasl_mechanism`, `username` and `password`, then resume the destination"
PRIVATE_ADDRESS: Final = "_PRIVATE_ADDRESS"  # a name of ours among librdkafka's
_CLUSTER_HINT: Final = "Kafka 0.11 or newer is needed, with idempotent producers"

_OWNERS: Final = {
    "UNKNOWN_TOPIC_OR_PART": _TOPIC_HINT,
    "UNKNOWN_TOPIC_ID": _TOPIC_HINT,
    "TOPIC_EXCEPTION": _TOPIC_HINT,
    "_UNKNOWN_TOPIC": _TOPIC_HINT,
    "_UNKNOWN_PARTITION": _TOPIC_HINT,
    "TOPIC_AUTHORIZATION_FAILED": _RIGHTS_HINT,
    "CLUSTER_AUTHORIZATION_FAILED": "grant IdempotentWrite on the cluster, then resume the destination",
    "SASL_AUTHENTICATION_FAILED": _LOGIN_HINT,
    "UNSUPPORTED_SASL_MECHANISM": _LOGIN_HINT,
    "ILLEGAL_SASL_STATE": _LOGIN_HINT,
    "_AUTHENTICATION": _LOGIN_HINT,
    "UNSUPPORTED_COMPRESSION_TYPE": "set another `compression`, then resume the destination",
    "_UNSUPPORTED_FEATURE": _CLUSTER_HINT,
    "UNSUPPORTED_FOR_MESSAGE_FORMAT": _CLUSTER_HINT,
    PRIVATE_ADDRESS: PRIVATE_HINT,
    "_INVALID_ARG": "correct the options, then resume the destination",
}
_REFUSALS: Final = {
    "MSG_SIZE_TOO_LARGE",
    "INVALID_RECORD",
    "INVALID_TIMESTAMP",
    "_INVALID_DIFFERENT_RECORD",  # a neighbour's fault: brokers take or refuse what was sent together as one
}

_SENT: Final = Sent()


class Fault(msgspec.Struct, frozen=True):
    """What went wrong with a record or a connection."""

    name: str  # librdkafka's
    text: str
    is_its_own: bool = False  # certainly this record's fault, and no neighbour's


def judge(faults: Sequence[Fault | None]) -> BatchResult:
    """The results, item by item; None is what a broker confirmed.

    Raises Misconfigured, Unreachable or Refused for the whole batch, although some of it may have arrived:
    nothing may count as sent behind something of the same identity that is not.
    """
    failed = [fault for fault in faults if fault is not None]
    for fault in failed:
        raise_if_owners(fault)
    for fault in failed:
        if fault.name not in _REFUSALS:
            raise Unreachable(f"{len(faults) - len(failed)} of {len(faults)} confirmed: {fault.text}")
    vague = [fault for fault in failed if not fault.is_its_own]
    if len(vague) > 1 or any(fault.name == "_INVALID_DIFFERENT_RECORD" for fault in vague):
        raise Refused(vague[0].text)
    return BatchResult([_result(fault) for fault in faults])


def is_owners(fault: Fault) -> bool:
    """Whether the owner must act: it will not go away by itself."""
    return fault.name in _OWNERS


def raise_if_owners(fault: Fault) -> None:
    if is_owners(fault):
        raise Misconfigured(fault.text, hint=_OWNERS[fault.name])


def raise_connection(fault: Fault) -> NoReturn:
    """Misconfigured or Unreachable: nothing was sent."""
    raise_if_owners(fault)
    raise Unreachable(fault.text)


def _result(fault: Fault | None) -> ItemResult:
    return _SENT if fault is None else GiveUp(fault.text)
