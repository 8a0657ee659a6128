"""Says in the log what the checks of `/readyz` find: once when it begins, with the remedy, and once when it
is over. Knows the checks by their names only.
"""

import asyncio
from typing import Final

from pixelwire import telemetry
from pixelwire.manage.health import Check, look
from pixelwire.manage.office import Office

LOOK_INTERVAL_S: Final = 1.0
REMEDIES: Final = {
    "recorder": "see why it does not work: the lines of the recorder above, the disk, a stopped process",
    "workers": "those that died are started again; if descriptors are short, allow more",
    "data_directory": "mount it again, writable, at the same place: the recorder goes on by itself",
    "disk": "free room on the disk of the data directory",
    "catalog": "see whether catalog.db is there and whole, else restore it",
    "events": "put a copy of the segment from a backup in its place; see the lines of the recorder above",
    "retention": "ask with: pixelwire retention show",
    "courier": "it is started again; see its lines above",
    "destinations": "ask with: pixelwire destination list",
}

_log = telemetry.logger("manage")


class HealthWatch:
    """Looks as long as the management process lives. What is over by the next look is not worth a line."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._before: dict[str, Check] = {}
        self._told: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def note(self, checks: list[Check]) -> None:
        """Tells what is new, by what was found before."""
        for check in checks:
            name = check.name
            is_fault = check.state in ("warning", "failing")
            before = self._before.get(name)
            if is_fault and before is not None and before.state == check.state and name not in self._told:
                self._told.add(name)
                tell = _log.error if check.state == "failing" else _log.warning
                tell(
                    "check_failed", check=name, reason=check.reason, remedy=REMEDIES.get(name, "see the log")
                )
            elif not is_fault and name in self._told:
                self._told.remove(name)
                _log.info("check_passed", check=name)
            self._before[name] = check

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                self.note(await look(self._office))
            except Exception as exc:  # noqa: BLE001 - a loop's top; the next look tells more
                _log.error("health_unknown", error=str(exc), remedy="restart the server if it stays so")
