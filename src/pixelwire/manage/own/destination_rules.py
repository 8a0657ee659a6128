"""What a caller may put into a destination: the one place for who sets which option. Knows no route."""

from typing import Any, Final

from pixelwire.catalog.destinations import Destination
from pixelwire.destinations import registry
from pixelwire.destinations.merge import merged
from pixelwire.destinations.secret import HIDDEN
from pixelwire.errors import Forbidden, InvalidFields
from pixelwire.manage.auth import Principal

OPERATORS: Final = (
    "only the operator of the server sets this, with the command line or an admin token without a business"
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


def changed_options(destination: Destination, changes: dict[str, Any]) -> dict[str, Any]:
    """The stored options with changes over them; not checked yet."""
    return merged(destination.options, shown_options(destination), changes)


def shown_options(destination: Destination) -> dict[str, Any]:
    """The options without secrets, defaults filled in; only their names where they are not valid."""
    try:
        return registry.shown_options(destination.kind, destination.options)
    except InvalidFields:  # of an older or newer program: better hidden than shown wrong
        return dict.fromkeys(destination.options, HIDDEN)
