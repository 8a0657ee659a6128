"""The contract of docs/specs/destination.md as a check that every destination passes, ours and a plug-in's.

Needs no test framework: each check is a coroutine of plain asserts. A plug-in's author writes a `Target` that
stands for the other side and can be told how to behave, and calls `check_destination`.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

import msgspec

from pixelwire.clock import SystemClock
from pixelwire.destinations.base import (
    Batch,
    Destination,
    DestinationSpec,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Refused,
    Retry,
    Secret,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.documented import documented
from pixelwire.destinations.options import described, is_target, parse
from pixelwire.errors import DestinationError, InvalidFields
from pixelwire.limits import PAYLOAD_BYTES_MAX

# A result is due within this: longer than the `timeout_s` of the trial's options by far.
PATIENCE_S = 20.0


class Behaviour(Enum):
    """How the other side can be told to behave."""

    TAKES = auto()  # everything
    IS_BUSY = auto()  # refuses for now
    REFUSES = auto()  # refuses this event for good
    LOCKS_OUT = auto()  # does not accept the credentials
    IS_SILENT = auto()  # takes requests and never answers
    IS_GONE = auto()  # nobody listens


class Target(Protocol):
    """The other side."""

    async def behave(self, behaviour: Behaviour) -> None:
        """From now on. NotImplementedError when it can not."""

    async def received(self) -> Sequence[str]:
        """The message ids it has taken, in order, repeats included."""


@dataclass(frozen=True)
class Trial:
    """A destination and what stands for its target."""

    spec: DestinationSpec[Any]
    options: dict[str, Any]  # valid, pointing at the target; every time-out at most a second or so
    target: Target

    def build(self) -> Destination:
        surroundings = Surroundings(SystemClock(), allow_private_addresses=True)
        return self.spec.build(parse(self.spec.options, self.options), surroundings)


async def check_destination(trial: Trial) -> list[str]:
    """Runs every check, one after the other. AssertionError says which rule broke.

    Returns the names of those that passed; a check whose behaviour the target has not is left out.
    """
    passed = []
    for check in CHECKS:
        await trial.target.behave(Behaviour.TAKES)
        try:
            await check(trial)
            passed.append(check.__name__)
        except _CannotBehaveSo:
            pass  # a folder knows no wrong credentials
    return passed


def make_item(seq: int, *, message_id: str | None = None, payload: bytes | None = None) -> Item:
    """An item as the engine makes them."""
    message_id = message_id or f"message-{seq}"
    body = {"type": "track", "event": "Clicked", "anonymousId": f"visitor-{seq}", "messageId": message_id}
    return Item(
        seq=seq,
        message_id=message_id,
        pixel_id="0" * 32,
        call="track",
        received_ms=1_700_000_000_000 + seq,
        identity=f"visitor-{seq}",
        attempt=1,
        payload=msgspec.json.encode(body) if payload is None else payload,
    )


async def declaration_is_complete(trial: Trial) -> None:
    """The declaration names the kind in one word, says what it is in one line, and documents every option;
    where there are secrets, it says which option leads to where they go.
    """
    spec = trial.spec
    assert spec.kind.isidentifier(), f"{spec.kind!r} can not be a module's name"
    assert spec.kind == spec.kind.lower()
    assert spec.summary, "the summary is empty"
    assert "\n" not in spec.summary, "the summary is one line"
    for option, description in described(spec.options).items():
        assert description, f"option {option} is not documented"
    declared = documented(spec.options)
    has_target = any(is_target(field.type) for field in msgspec.structs.fields(spec.options))
    assert has_target or not any(option.secret for option in declared), "no option is marked TARGET"


async def unknown_options_are_refused(trial: Trial) -> None:
    """A misspelt option is an error that names it, not a silent default."""
    problems: list[str] = []
    try:
        parse(trial.spec.options, {**trial.options, "no_such_option": 1})
    except InvalidFields as exc:
        problems = exc.problems
    assert any("no_such_option" in problem for problem in problems), "an unknown option was accepted"


async def secrets_do_not_show(trial: Trial) -> None:
    """Neither the options nor the destination show a secret in their repr."""
    options = parse(trial.spec.options, trial.options)
    shown = f"{options!r} {options} {trial.build()!r}"
    for secret in _secrets(msgspec.structs.asdict(options)):
        assert secret not in shown, "a secret shows in a repr"


async def open_needs_no_target(trial: Trial) -> None:
    """It can be built and opened while its target is away, and closed twice, or without opening."""
    await _behave(trial, Behaviour.IS_GONE)
    unopened = trial.build()
    await unopened.close()
    destination = trial.build()
    await destination.open()
    await destination.close()
    await destination.close()


async def every_item_arrives(trial: Trial) -> None:
    """`Sent` means that the target has it: small, large, and with an odd id."""
    large = msgspec.json.encode({"messageId": "large", "text": "x" * (PAYLOAD_BYTES_MAX - 100)})
    items = [
        make_item(1),
        make_item(2, message_id="b√∂se/\N{SNOWMAN} id\t\r\n"),
        make_item(3, message_id="large", payload=large),
    ]
    async with _opened(trial) as destination:
        for item in items:
            assert await _send(destination, item) == [Sent()]
    received = await trial.target.received()
    assert [message_id for message_id in received if message_id in {item.message_id for item in items}] == [
        item.message_id for item in items
    ]


async def a_batch_has_a_result_for_each(trial: Trial) -> None:
    """As many results as items, up to the declared limit of a batch."""
    limits = trial.spec.batch_limits(parse(trial.spec.options, trial.options))
    items = [make_item(100 + number) for number in range(min(limits.events_max, 100))]
    async with _opened(trial) as destination:
        result = await asyncio.wait_for(destination.send(Batch(items)), PATIENCE_S)
    assert list(result.results) == [Sent()] * len(items)


async def a_repeat_is_harmless(trial: Trial) -> None:
    """The engine sends again what it does not know the end of: that is `Sent` too."""
    async with _opened(trial) as destination:
        assert await _send(destination, make_item(200)) == [Sent()]
        assert await _send(destination, make_item(200)) == [Sent()]
    assert "message-200" in await trial.target.received()


async def sends_may_run_at_once(trial: Trial) -> None:
    """As many as the declared concurrency."""
    limits = trial.spec.batch_limits(parse(trial.spec.options, trial.options))
    async with _opened(trial) as destination:
        sends = [_send(destination, make_item(300 + number)) for number in range(limits.concurrency)]
        assert await asyncio.gather(*sends) == [[Sent()]] * limits.concurrency


async def busy_is_retried(trial: Trial) -> None:
    """What may change is `Retry` with a reason, or Unreachable; never `Sent`, never `GiveUp`."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.IS_BUSY)
        [result] = await _send_or_retry(destination, make_item(400))
        assert isinstance(result, Retry), result
        assert result.reason
        await _recovers(trial, destination, 401)


async def refused_is_given_up(trial: Trial) -> None:
    """What will not change is `GiveUp` with a reason, or Refused."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.REFUSES)
        try:
            [result] = await _send(destination, make_item(500))
        except Refused as exc:
            result = GiveUp(str(exc))
        assert isinstance(result, GiveUp), result
        assert result.reason
        await _recovers(trial, destination, 501)


async def locked_out_is_misconfigured(trial: Trial) -> None:
    """Wrong credentials are their owner's to correct: Misconfigured, from `send` and from `check`."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.LOCKS_OUT)
        assert await _error(Misconfigured, _send(destination, make_item(600)))
        assert await _error(Misconfigured, destination.check())
        await _recovers(trial, destination, 601)


async def gone_is_unreachable(trial: Trial) -> None:
    """Where nobody listens, `send` and `check` raise Unreachable, and work again when somebody does."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.IS_GONE)
        assert await _error(Unreachable, _send(destination, make_item(700)))
        assert await _error(Unreachable, destination.check())
        await _recovers(trial, destination, 701)


async def silence_has_an_end(trial: Trial) -> None:
    """A target that never answers is `Retry` or Unreachable within the destination's own time-out."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.IS_SILENT)
        [result] = await _send_or_retry(destination, make_item(800))
        assert isinstance(result, Retry), result
        await _recovers(trial, destination, 801)


async def a_send_can_be_cancelled(trial: Trial) -> None:
    """The engine may end a send at any time; the destination works on."""
    async with _opened(trial) as destination:
        await _behave(trial, Behaviour.IS_SILENT)
        send = asyncio.ensure_future(_send(destination, make_item(900)))
        await asyncio.wait([send], timeout=0.05)
        send.cancel()
        await asyncio.wait([send])
        assert send.cancelled() or isinstance(send.result()[0], Retry)
        await _recovers(trial, destination, 901)


async def check_leaves_nothing(trial: Trial) -> None:
    """`check` passes where a send would, and no event is there afterwards."""
    before = list(await trial.target.received())
    async with _opened(trial) as destination:
        await asyncio.wait_for(destination.check(), PATIENCE_S)
    assert list(await trial.target.received()) == before


CHECKS = (
    declaration_is_complete,
    unknown_options_are_refused,
    secrets_do_not_show,
    open_needs_no_target,
    every_item_arrives,
    a_batch_has_a_result_for_each,
    a_repeat_is_harmless,
    sends_may_run_at_once,
    busy_is_retried,
    refused_is_given_up,
    locked_out_is_misconfigured,
    gone_is_unreachable,
    silence_has_an_end,
    a_send_can_be_cancelled,
    check_leaves_nothing,
)


class _opened:  # noqa: N801 used as a function
    """The trial's destination, open within the block."""

    def __init__(self, trial: Trial) -> None:
        self._destination = trial.build()

    async def __aenter__(self) -> Destination:
        await self._destination.open()
        return self._destination

    async def __aexit__(self, *_: object) -> None:
        await self._destination.close()


class _CannotBehaveSo(Exception):
    """There is no such behaviour of this target."""


async def _behave(trial: Trial, behaviour: Behaviour) -> None:
    try:
        await trial.target.behave(behaviour)
    except NotImplementedError as exc:
        raise _CannotBehaveSo from exc


async def _send(destination: Destination, item: Item) -> list[ItemResult]:
    return list((await asyncio.wait_for(destination.send(Batch([item])), PATIENCE_S)).results)


async def _send_or_retry(destination: Destination, item: Item) -> list[ItemResult]:
    try:
        return await _send(destination, item)
    except Unreachable as exc:
        return [Retry(exc.text)]


async def _error(kind: type[DestinationError], attempt: Awaitable[object]) -> str:
    """The text of the error that must come."""
    try:
        await asyncio.wait_for(attempt, PATIENCE_S)
    except kind as exc:
        return exc.text
    raise AssertionError(f"it went well, though {kind.__name__} was due")


async def _recovers(trial: Trial, destination: Destination, seq: int) -> None:
    """The same open destination works as soon as its target does."""
    await trial.target.behave(Behaviour.TAKES)
    assert await _send(destination, make_item(seq)) == [Sent()], "it did not recover without a new open()"


def _secrets(value: Any) -> list[str]:
    if isinstance(value, Secret):
        return [value.reveal()]
    if isinstance(value, dict):
        return [secret for inner in value.values() for secret in _secrets(inner)]
    if isinstance(value, list | tuple):
        return [secret for inner in value for secret in _secrets(inner)]
    return []
