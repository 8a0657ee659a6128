"""Rungs that are one command of this folder or of the system's."""

from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, Self

from rungs.rung import Rung
from rungs.service import Service
from support.processes import Process
from support.recipes import free_port


class CommandedRung(Rung):
    roles: ClassVar[Mapping[str, str]]

    def command(self) -> list[str]:
        """What listens on `port`; made after everything in `directory` that it needs."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.port = free_port()
        self._service = Service(self.command(), self.port, self.directory / "output.log", self.roles)
        self._service.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.__exit__(kind, error, trace)

    def processes(self) -> list[Process]:
        return self._service.processes()
