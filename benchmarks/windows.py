"""What the ladder measures, as values: how visitors come, and what was seen of a rung meanwhile."""

from typing import NamedTuple

import msgspec


class Way(NamedTuple):
    """How visitors come."""

    key: str
    title: str
    is_closing: bool = False
    is_tls: bool = False
    is_paced: bool = False  # at half the rate that the rung had by KEEP_ALIVE in the same round


KEEP_ALIVE = Way("keep-alive", "64 connections that stay open")
WAYS = (
    KEEP_ALIVE,
    Way("half-rate", "64 connections that stay open, at half the rate of before", is_paced=True),
    Way("new-connection", "a new connection for each request, 64 at a time", is_closing=True),
    Way("new-tls", "a new TLS connection for each request through nginx", is_closing=True, is_tls=True),
)


class Window(msgspec.Struct):
    """One load on one rung."""

    rung: str
    way: str
    turn: int
    rate: float  # good answers a second
    answers: int
    not_200: int
    socket_errors: int
    late: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us: dict[str, float]  # an answer, by role
    memory: dict[str, int]  # PSS bytes by role at the peak
    syncs_per_s: float
    others_percent: float  # of all cores: what neither the rung nor the load generator used


class Stored(msgspec.Struct):
    """What a rung had on disk in the end."""

    events: int
    payload_bytes: int
    disk_bytes: int
    log_bytes: int = 0  # of that; it does not grow with the events
    sync_bytes: int = 0  # of one commit, on average
    sync_ms: float = 0.0  # what the disk takes for that, alone


class Climb(msgspec.Struct):
    windows: list[Window]
    stored: dict[str, Stored]  # by rung
