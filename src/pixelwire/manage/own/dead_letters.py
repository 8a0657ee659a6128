"""`.../destinations/{destination_id}/dead-letters`: events it refused for good, and orders about them."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.wishes import DropLetters, Letters, RetryLetters
from pixelwire.deliver.letters import DEAD_LETTERS_PAGE_MAX, DeadLetter
from pixelwire.errors import Conflict, InvalidFields, NotFound
from pixelwire.limits import NAME_CHARACTERS_MAX
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import ReachableBusinessId
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import ExactTime, HexText, UuidText, problems
from pixelwire.manage.fields import Body, Moment, moment_ms
from pixelwire.manage.office import TheOffice
from pixelwire.manage.own.destinations import DestinationId, reachable_destination
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_ms

LETTERS_PAGE_DEFAULT: Final = 100
NUMBER_MAX: Final = 2**63 - 1

router = APIRouter(
    prefix="/businesses/{business_id}/destinations/{destination_id}/dead-letters",
    tags=["Dead letters"],
    route_class=GuardedRoute,
)

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="A dead letter's number.")]
Reason = Annotated[
    str,
    Field(
        description="Is in the letter's reason, in whatever case.",
        min_length=1,
        max_length=NAME_CHARACTERS_MAX,
    ),
]


class LetterAnswer(TypedDict):
    number: int
    state: Annotated[Literal["dead", "retrying"], Field(description="retrying: it is being sent again.")]
    died_at: ExactTime
    attempts: Annotated[int, Field(description="In all.")]
    seq: Annotated[int | None, Field(description="Null: its event is not of this store any more.")]
    pixel_id: HexText | None
    message_id: str
    replay_id: Annotated[UuidText | None, Field(description="Of the replay that sent it, if one did.")]
    reason: str


class WholeLetterAnswer(LetterAnswer):
    payload: Annotated[dict[str, Any], Field(description="As it was stored.")]


class LettersAnswer(TypedDict):
    dead_letters: list[LetterAnswer]
    next_after: Annotated[int | None, Field(description="The `after` of the next page; null: there is none.")]


class OrderAnswer(TypedDict):
    id: UuidText
    letters: Annotated[int, Field(description="How many it concerned when it was given.")]


class LettersBody(Body):
    all: Annotated[
        Literal[True], Field(description="Every one of the destination; instead of the others.")
    ] = Field(default_factory=lambda: True)
    reason: Reason = Field(default_factory=str)
    from_: Annotated[Moment, Field(alias="from", description="They died then or later.")] = Field(
        default_factory=str
    )
    to: Annotated[Moment, Field(description="They died before.")] = Field(default_factory=str)

    def letters(self) -> Letters:
        """InvalidFields unless it says which: all of them, or what they have in common."""
        given = self.given("all", "reason", "from_", "to")
        if ("all" in given) == (len(given) > ("all" in given)):
            raise InvalidFields(["all: give this, or at least one of reason, from and to"])
        from_ms, to_ms = (moment_ms(str(given[name])) if name in given else None for name in ("from_", "to"))
        if from_ms is not None and to_ms is not None and from_ms >= to_ms:
            raise InvalidFields(["from: must be before to"])
        return Letters(None, str(given.get("reason", "")), from_ms, to_ms)


@router.get(
    "", response_model=LettersAnswer, responses=problems(400, 401, 403, 404), summary="List dead letters"
)
async def list_dead_letters(
    office: TheOffice,
    business_id: ReachableBusinessId,
    destination_id: DestinationId,
    after: Annotated[int, Query(ge=0, le=NUMBER_MAX, description="The number that was seen last.")] = 0,
    limit: Annotated[int, Query(ge=1, le=DEAD_LETTERS_PAGE_MAX)] = LETTERS_PAGE_DEFAULT,
    reason: Annotated[
        str, Query(max_length=NAME_CHARACTERS_MAX, description="Only those with this in their reason.")
    ] = "",
) -> Response:
    """Oldest first, without their payload; replays' among them."""

    def read(desk: Desk) -> list[LetterAnswer]:
        found = reachable_destination(desk, business_id, destination_id)
        letters = desk.deliveries.dead_letters(found.id, after=after, limit=limit, reason=reason)
        pixels = _pixel_ids(desk, business_id)
        return [_answer(letter, pixels) for letter in letters]

    letters = await office.desks.long(read)
    is_full = len(letters) == limit
    return json_answer({"dead_letters": letters, "next_after": letters[-1]["number"] if is_full else None})


@router.get(
    "/{number:int}",
    response_model=WholeLetterAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get a dead letter",
)
async def get_dead_letter(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, number: Number
) -> Response:
    """With its payload."""

    def read(desk: Desk) -> dict[str, Any]:
        letter, payload = _letter(desk, reachable_destination(desk, business_id, destination_id), number)
        return {**_answer(letter, _pixel_ids(desk, business_id)), "payload": msgspec.Raw(payload)}

    return json_answer(await office.desks.short(read))


@router.post(
    "/retry",
    status_code=HTTPStatus.ACCEPTED,
    response_model=OrderAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Send dead letters again",
)
async def retry_dead_letters(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, body: LettersBody
) -> Response:
    """All, or those that have something in common. The courier begins within a second.

    What is sent again waits for its turn, and for a destination that is not up. What dies later is not meant.
    """
    return await _order(office, business_id, destination_id, RetryLetters, body.letters())


@router.post(
    "/drop",
    status_code=HTTPStatus.ACCEPTED,
    response_model=OrderAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Drop dead letters",
)
async def drop_dead_letters(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, body: LettersBody
) -> Response:
    """Forgets all, or those that have something in common; not those being sent again. Receipts say so."""
    return await _order(office, business_id, destination_id, DropLetters, body.letters())


@router.post(
    "/{number:int}/retry",
    status_code=HTTPStatus.ACCEPTED,
    response_model=OrderAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Send a dead letter again",
)
async def retry_dead_letter(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, number: Number
) -> Response:
    """409 while it is being sent again already."""
    return await _order(office, business_id, destination_id, RetryLetters, Letters(number))


@router.delete(
    "/{number:int}",
    status_code=HTTPStatus.ACCEPTED,
    response_model=OrderAnswer,
    responses=problems(400, 401, 403, 404, 409),
    summary="Drop a dead letter",
)
async def drop_dead_letter(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, number: Number
) -> Response:
    """Forgets it within a second; its receipt says so. 409 while it is being sent again."""
    return await _order(office, business_id, destination_id, DropLetters, Letters(number))


async def _order(
    office: TheOffice,
    business_id: str,
    destination_id: str,
    kind: type[RetryLetters] | type[DropLetters],
    letters: Letters,
) -> Response:
    def give(desk: Desk) -> OrderAnswer:
        found = reachable_destination(desk, business_id, destination_id)
        if letters.number is not None and _letter(desk, found, letters.number)[0].is_retried:
            raise Conflict("the dead letter is being sent again already")
        amount = desk.deliveries.dead_letters_meant(found.id, letters)
        order = desk.catalog.give_order(found.id, kind(*msgspec.structs.astuple(letters)))
        return {"id": order.id, "letters": amount}

    # Counting many takes its time.
    desks = office.desks
    made = await (desks.short(give) if letters.number is not None else desks.long(give))
    return json_answer(made, HTTPStatus.ACCEPTED)


def _letter(desk: Desk, destination: Destination, number: int) -> tuple[DeadLetter, bytes]:
    found = desk.deliveries.dead_letter(destination.id, number)
    if found is None:
        raise NotFound("the destination has no such dead letter")
    return found


def _pixel_ids(desk: Desk, business_id: str) -> dict[int, str]:
    pixels, _ = desk.catalog.pixels(business_id)
    return {pixel.number: pixel.id for pixel in pixels}


def _answer(letter: DeadLetter, pixels: dict[int, str]) -> LetterAnswer:
    return {
        "number": letter.number,
        "state": "retrying" if letter.is_retried else "dead",
        "died_at": iso_ms(letter.died_ms),
        "attempts": letter.attempts,
        "seq": letter.seq if letter.seq > 0 else None,
        "pixel_id": pixels.get(letter.pixel),
        "message_id": letter.message_id,
        "replay_id": letter.replay_id or None,
        "reason": letter.reason,
    }
