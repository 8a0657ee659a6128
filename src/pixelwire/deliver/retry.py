"""From a failed attempt to what is done about it. Pure: no clock, no chance, no destination."""

import msgspec

DOUBLINGS_MAX = 30


class RetryPolicy(msgspec.Struct, frozen=True):
    """How patient the courier is. An event dies when it has failed for long enough and often enough."""

    first_s: float = 1.0
    delay_s_max: float = 600.0
    after_s_max: float = 3_600.0  # of a destination's own wish (`Retry-After`)
    give_up_after_s: float = 3 * 3_600.0  # of failing while other events pass
    attempts_min: int = 10
    probe_first_s: float = 0.5  # a destination that is down is tried again after this, then ever later
    probe_delay_s_max: float = 60.0
    failures_to_down: int = 10  # in a row, whichever events they are of


class Again(msgspec.Struct, frozen=True):
    delay_s: float


class Die(msgspec.Struct, frozen=True):
    pass


def decide(
    policy: RetryPolicy, *, attempts: int, failing_ms: int, after_s: float | None, chance: float
) -> Again | Die:
    """What becomes of an event after its failed attempt number `attempts`.

    `failing_ms` is how long it has failed while others passed. `chance` is in [0, 1).
    """
    if attempts >= policy.attempts_min and failing_ms >= policy.give_up_after_s * 1_000:
        return Die()
    delay_s = back_off_s(policy.first_s, policy.delay_s_max, attempts, chance)
    return Again(max(delay_s, bounded_after_s(policy, after_s)))


def probe_delay_s(policy: RetryPolicy, *, probes: int, after_s: float | None, chance: float) -> float:
    """How long a destination that is down is left alone after `probes` failed probes.

    Half of it is sure, so that probes keep their distance: unlike events there is only one of them.
    """
    delay_s = back_off_s(policy.probe_first_s, policy.probe_delay_s_max, probes + 1, 0.5 + chance / 2)
    return max(delay_s, bounded_after_s(policy, after_s))


def back_off_s(first_s: float, delay_s_max: float, attempts: int, chance: float) -> float:
    """Exponential, with full jitter: events that failed together do not come back together."""
    return chance * min(delay_s_max, first_s * 2.0 ** min(attempts - 1, DOUBLINGS_MAX))


def bounded_after_s(policy: RetryPolicy, after_s: float | None) -> float:
    """The destination's wish, as far as it is granted; 0 without one."""
    return min(max(after_s or 0.0, 0.0), policy.after_s_max)
