"""The rungs of the ladder, from the ceiling down to the plain way."""

from rungs.bare import BareRung
from rungs.durable import OneWorkerRung, TwoWorkersRung
from rungs.nginx import NginxRung
from rungs.plain import PlainRung
from rungs.rung import Rung
from rungs.unrecorded import UnrecordedRung

RUNGS: tuple[type[Rung], ...] = (
    NginxRung,
    BareRung,
    UnrecordedRung,
    TwoWorkersRung,
    OneWorkerRung,
    PlainRung,
)
