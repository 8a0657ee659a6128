"""What every route of the management API works with, and how a route gets at it. Knows no route."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from pixelwire.clock import Clock
from pixelwire.manage.desks import Desks
from pixelwire.manage.head_watch import HeadWatch
from pixelwire.manage.options import ManageOptions
from pixelwire.manage.trials import Trials


@dataclass(frozen=True)
class Office:
    options: ManageOptions
    desks: Desks
    head: HeadWatch
    clock: Clock
    trials: Trials = field(default_factory=Trials)


async def office_of(request: Request) -> Office:
    office = request.app.state.office
    assert isinstance(office, Office)
    return office


TheOffice = Annotated[Office, Depends(office_of)]
