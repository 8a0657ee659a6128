"""What all loops of the courier share."""

from collections.abc import Callable
from typing import NamedTuple

from pixelwire.clock import Clock
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.source import Source
from pixelwire.destinations.base import Surroundings


class Shared(NamedTuple):
    source: Source
    ledger: Ledger
    policy: RetryPolicy
    clock: Clock
    chance: Callable[[], float]  # in [0, 1)
    pixel_id: Callable[[int], str]
    surroundings: Surroundings
