"""What a caller may put into a destination: the one place for who sets what. Knows no route of the API."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from pixelwire.catalog.destinations import Destination
from pixelwire.destinations import registry
from pixelwire.destinations.following import following
from pixelwire.destinations.merge import merged
from pixelwire.destinations.secret import HIDDEN
from pixelwire.errors import Forbidden, InvalidFields
from pixelwire.manage.auth import Principal
from pixelwire.manage.fields import check_encodable
from pixelwire.manage.problems import SEVERAL
from pixelwire.routing.route import parse_route

OPERATORS: Final = (
    "only the operator of the server sets this, with the command line or an admin token without a business"
)
_FOLLOWS: Final = (
    "does not follow to another address: give it again, or take it out with null, in the same change"
)
_FUNCTIONS: Final = (
    "functions run inside the server: only its operator chooses one, with the command line or an admin token"
    " without a business"
)


def option_problems(kind: str, options: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a kind and its options, by the names they have in a body."""
    try:
        declared = registry.spec(kind)
    except InvalidFields as exc:
        return exc.problems
    try:
        registry.validate(declared.kind, options)
    except InvalidFields as exc:
        return [f"options.{problem}" for problem in exc.problems]
    return []


def check_options(principal: Principal, kind: str, options: dict[str, Any]) -> None:
    """InvalidFields with every problem; Forbidden for what only the operator may set.

    It is asked of all the options that would be kept, and not only of those that change: else a business
    could send a destination that its operator opened to the private network to another address there.
    """
    if problems := option_problems(kind, options):
        raise InvalidFields(problems)
    reserved = registry.operator_only(kind, options)
    if reserved and not principal.is_operator:
        raise Forbidden("; ".join(f"options.{name}: {OPERATORS}" for name in reserved))


def check_following(destination: Destination, options: dict[str, Any], changes: dict[str, Any]) -> None:
    """InvalidFields when a stored secret would go to another target without being given again. The options
    are valid.
    """
    declared = registry.spec(destination.kind).options
    secrets = following(declared, destination.options, options, changes)
    if secrets:
        raise InvalidFields([f"options.{name}: {_FOLLOWS}" for name in secrets])


def check_transforms(principal: Principal, transforms: list[dict[str, Any]]) -> None:
    """Forbidden for what only the operator may use; the transforms are valid."""
    if not principal.is_operator and any("function" in transform for transform in transforms):
        raise Forbidden(f"transforms: {_FUNCTIONS}")


def changed_options(destination: Destination, changes: dict[str, Any]) -> dict[str, Any]:
    """The stored options with changes over them; not checked yet."""
    return merged(destination.options, shown_options(destination), changes)


def shown_options(destination: Destination) -> dict[str, Any]:
    """The options without secrets, defaults filled in; only their names where they are not valid."""
    try:
        return registry.shown_options(destination.kind, destination.options)
    except InvalidFields:  # of an older or newer program: better hidden than shown wrong
        return dict.fromkeys(destination.options, HIDDEN)


def _known_kind(kind: str) -> str:
    if kind not in registry.kinds():
        raise ValueError(f"is not known; there are {', '.join(registry.kinds())}")
    return kind


def _fit_kind(options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if "kind" in info.data:  # else it is not known, which was told already
        _refuse(option_problems(info.data["kind"], options))
    return options


def _route(filters: dict[str, Any] | None, transforms: list[dict[str, Any]] | None) -> None:
    try:
        parse_route(filters, transforms)
    except InvalidFields as exc:
        _refuse(exc.problems)


def _right_filters(filters: dict[str, Any]) -> dict[str, Any]:
    _route(check_encodable(filters), None)
    return filters


def _right_transforms(transforms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    _route(None, check_encodable(transforms))
    return transforms


def _refuse(found: list[str]) -> None:
    """Each problem becomes a message of its own."""
    if found:
        raise PydanticCustomError(SEVERAL, "are not valid", {"problems": found})


KindName = Annotated[
    str,
    AfterValidator(_known_kind),
    Field(description="As in `/api/v1/destinations/kinds`.", examples=["webhook"]),
]
# Stands after `kind` in a body.
OptionsOfKind = Annotated[
    dict[str, Any],
    AfterValidator(_fit_kind),
    Field(description="Of the kind.", examples=[{"url": "https://hooks.example/in"}], validate_default=True),
]
FilterTable = Annotated[
    dict[str, Any],
    AfterValidator(_right_filters),
    Field(description="Which events it gets; empty: all.", examples=[{"calls": ["track"]}]),
]
TransformList = Annotated[
    list[dict[str, Any]],
    AfterValidator(_right_transforms),
    Field(
        description="In what shape, in this order; empty: as stored.", examples=[[{"remove": ["context.ip"]}]]
    ),
]
