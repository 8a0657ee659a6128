"""Members of bodies, checked by the catalog's own rules. Knows no route."""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from pixelwire.catalog.checks import (
    DOMAIN_CHARACTERS_MAX,
    WRITE_KEY_CHARACTERS_MAX,
    check_domain,
    check_event_rules,
    check_name,
    check_uuid,
    check_write_key,
)
from pixelwire.event import Signal
from pixelwire.limits import NAME_CHARACTERS_MAX

AAM_FIELDS_MAX: Final = 11
MOMENT_CHARACTERS_MAX: Final = 64

Json = TypeVar("Json")


def check_encodable(value: Json) -> Json:
    """JSON can hold halves of characters, which no file can."""
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        raise ValueError("holds a character that no text can have") from None
    return value


Name = Annotated[
    str,
    AfterValidator(check_name),
    Field(description="Not blank.", json_schema_extra={"minLength": 1, "maxLength": NAME_CHARACTERS_MAX}),
]
Domain = Annotated[
    str,
    AfterValidator(check_domain),
    Field(
        description="The site that is tracked: an http or https URL.",
        examples=["https://www.example.com"],
        json_schema_extra={"format": "uri", "pattern": "^https?://", "maxLength": DOMAIN_CHARACTERS_MAX},
    ),
]
Uuid = Annotated[str, AfterValidator(check_uuid), Field(json_schema_extra={"format": "uuid"})]
WriteKeyText = Annotated[
    str,
    AfterValidator(check_write_key),
    Field(json_schema_extra={"minLength": 1, "maxLength": WRITE_KEY_CHARACTERS_MAX}),
]
SignalName = Annotated[str, Field(json_schema_extra={"enum": list(Signal.__members__)})]
EventRules = Annotated[
    dict[str, SignalName | None],
    AfterValidator(check_event_rules),
    Field(
        description="Event name to the signal it counts as, or null for none. Replaces all rules. "
        "Names are compared in lower case, letters and digits only.",
        examples=[{"Trial Started": "SIGNUP", "Order Completed": None}],
    ),
]
Flag = StrictBool
BusinessType = Literal["ADVERTISER", "AGENCY", "MUSIC_ARTIST_CONCERT_PROMOTER", "PODCAST_PROMOTER"]
AamField = Literal[
    "EMAIL",
    "PHONE",
    "FIRST_NAME",
    "LAST_NAME",
    "DATE_OF_BIRTH",
    "GENDER",
    "CITY",
    "STATE",
    "ZIP",
    "COUNTRY",
    "EXTERNAL_ID",
]
Role = Literal["read", "write", "admin"]


def moment_ms(value: str) -> int:
    """Milliseconds since 1970. ValueError for what is no time with its offset."""
    try:
        moment = datetime.fromisoformat(value)
        if len(value) > MOMENT_CHARACTERS_MAX or moment.tzinfo is None:
            raise ValueError(value)
        return round(moment.timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-01-23T04:56:07Z") from None


def _checked_moment(value: str) -> str:
    moment_ms(value)
    return value


Moment = Annotated[
    str,
    AfterValidator(_checked_moment),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-23T04:56:07Z"]),
]


class Body(BaseModel):
    """A member that is read-only or unknown is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self, *fields: str) -> dict[str, object]:
        """Those of the fields that the caller sent."""
        return {name: getattr(self, name) for name in fields if name in self.model_fields_set}
