"""Tests of destinations that are under way: few at a time, each in a thread and event loop of its own.

A destination may block, and its owner chose the address: neither may keep the management API waiting.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pixelwire.destinations.trial import CLOSE_S_MAX, TRIAL_S_MAX
from pixelwire.errors import Conflict
from pixelwire.manage.problems import TrialsBusy
from pixelwire.manage.trial import Report

TRIALS_MAX: Final = 8
ANSWER_S_MAX: Final = TRIAL_S_MAX + CLOSE_S_MAX + 1.0

Work = Callable[[], Coroutine[Any, Any, Report]]


class Trials:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._businesses: set[str] = set()
        self._threads = 0

    async def run(self, business_id: str, work: Work) -> Report:
        """One of a business at a time: Conflict. TrialsBusy when the server has as many as it may have."""
        if business_id in self._businesses:
            raise Conflict("a test of this business is under way", hint="wait for its answer")
        if self._threads >= TRIALS_MAX:
            raise TrialsBusy
        self._businesses.add(business_id)
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                return await self._start(work)
        except TimeoutError:
            return _STUCK
        finally:
            self._businesses.discard(business_id)

    def _start(self, work: Work) -> asyncio.Future[Report]:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Report] = loop.create_future()

        def tell(report: Report | None, exc: BaseException | None) -> None:
            if result.done():
                return  # nobody waits any more
            if report is not None:
                result.set_result(report)
            elif exc is not None:
                result.set_exception(exc)

        async def told() -> None:
            # From inside: the loop's own end waits for its threads, such as a slow look-up of a name.
            try:
                report, exc = await work(), None
            except Exception as error:  # noqa: BLE001 it is raised where the result is awaited
                report, exc = None, error
            loop.call_soon_threadsafe(tell, report, exc)

        def run() -> None:
            try:
                asyncio.run(told())
                loop.call_soon_threadsafe(self._ended)
            except RuntimeError:
                pass  # the server has stopped meanwhile, and nobody counts any more

        self._threads += 1
        threading.Thread(target=run, name="trial", daemon=True).start()
        return result

    def _ended(self) -> None:
        self._threads -= 1


_STUCK: Final = Report(
    "fault",
    f"the destination gave no sign within {ANSWER_S_MAX:.0f} s",
    "it does not keep to its own time-outs: see the log, and ask its author",
    round(ANSWER_S_MAX * 1_000),
    "",
)
