"""`/healthz` and `/readyz`: alive, and ready with reasons.

Open to all, so no reason names a path or an owner's thing.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, Literal

import apsw
import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.deliver.state import DestinationSummary
from pixelwire.errors import DataDirectoryError, PixelwireError
from pixelwire.frames import Condition
from pixelwire.limits import DISK_FREE_LOW_BYTES, DISK_FREE_MIN_BYTES
from pixelwire.manage.answers import json_answer
from pixelwire.manage.desks import Desk
from pixelwire.manage.office import Office, TheOffice
from pixelwire.manage.processes import Processes, descriptors, read_processes
from pixelwire.record.condition import ask

CheckState = Literal["ok", "warning", "failing", "unknown"]

DESCRIPTORS_FULL: Final = 0.9
FILES_MIN: Final = 16  # a segment is three, and another takes its time to be sealed
ANSWER_S: Final = 1.0  # a recorder that needs longer for a commit does not keep up either

router = APIRouter(tags=["Health"])


class Check(msgspec.Struct, frozen=True):
    name: str
    state: CheckState
    reason: str | None = None


class AliveAnswer(TypedDict):
    status: Literal["alive"]


class CheckAnswer(TypedDict):
    name: str
    state: CheckState
    reason: str | None


class ReadyAnswer(TypedDict):
    status: Annotated[
        Literal["ready", "not_ready"], Field(description="Not ready when pixels can not be stored.")
    ]
    checks: list[CheckAnswer]


@router.get("/healthz", response_model=AliveAnswer, summary="Is this process alive?")
async def healthz() -> Response:
    """Needs no token."""
    return json_answer({"status": "alive"})


@router.get(
    "/readyz",
    response_model=ReadyAnswer,
    responses={503: {"model": ReadyAnswer, "description": "Pixels can not be stored; the reasons say why."}},
    summary="Is the server ready, and if not, why?",
)
async def readyz(office: TheOffice) -> Response:
    """Needs no token. A warning, such as a courier that is down, does not make the server unready."""
    checks = await look(office)
    is_ready = all(check.state != "failing" for check in checks)
    answer = {"status": "ready" if is_ready else "not_ready", "checks": checks}
    return json_answer(answer, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def look(office: Office) -> list[Check]:
    """All checks, as things are now."""
    socket_path = office.options.recorder_socket
    suspects = await office.desks.short(lambda desk: desk.reader.suspects()) if socket_path else []
    condition = await ask(socket_path, ANSWER_S, suspects) if socket_path else _NOT_ASKED
    return await office.desks.short(check_all, office.options.processes, condition)


def check_all(desk: Desk, processes_path: str, condition: Condition | None) -> list[Check]:
    """What the path of a pixel needs comes first; only that can fail, the rest warns.

    `condition` is what the recorder says of itself; None when it does not answer.
    """
    processes = read_processes(processes_path)
    return [
        _recorder(processes, condition),
        _workers(processes),
        _data_directory(desk),
        _disk(desk, condition),
        _catalog(desk),
        _events(desk),
        _retention(desk),
        _courier(processes),
        _destinations(desk),
    ]


_NO_SUPERVISOR: Final = "the supervisor's state file can not be read"
_NOT_ASKED: Final = Condition(is_disk_full=False, housekeeping_failure="")


def _recorder(processes: Processes | None, condition: Condition | None) -> Check:
    if processes is None:
        return Check("recorder", "unknown", _NO_SUPERVISOR)
    state = processes.recorder.state
    if state != "running":
        return Check("recorder", "failing", f"the recorder is {state or 'not started'}; see the log")
    if condition is None:
        return Check("recorder", "failing", "the recorder runs and does not answer")
    if condition.housekeeping_failure:
        return Check("recorder", "warning", "segments can not be sealed; see the log")
    return Check("recorder", "ok")


def _workers(processes: Processes | None) -> Check:
    if processes is None:
        return Check("workers", "unknown", _NO_SUPERVISOR)
    alive, wanted = processes.workers_alive, processes.workers.count
    if alive == 0:
        return Check("workers", "failing", "no worker runs; see the log")
    if alive < wanted:
        return Check("workers", "warning", f"{alive} of {wanted} workers run")
    for pid in processes.workers.pids:
        used = descriptors(pid)
        if used is not None and used[0] >= used[1] * DESCRIPTORS_FULL:
            reason = f"a worker uses {used[0]} of its {used[1]} file descriptors: new connections wait"
            return Check("workers", "warning", reason)
    return Check("workers", "ok")


def _data_directory(desk: Desk) -> Check:
    try:
        desk.check_home()
    except DataDirectoryError as exc:
        return Check("data_directory", "failing", f"{exc.text}: check its mount")
    if os.access(desk.data_dir, os.W_OK | os.X_OK):
        return Check("data_directory", "ok")
    return Check("data_directory", "failing", "the data directory is not writable: check its mount")


def _disk(desk: Desk, condition: Condition | None) -> Check:
    if condition is not None and condition.is_disk_full:
        return Check("disk", "failing", "the disk is full: the last events did not fit; free some space")
    try:
        free = shutil.disk_usage(desk.data_dir).free
        has_names = _has_names(desk.data_dir)
    except OSError as exc:
        return Check("disk", "failing", f"the disk can not be asked: {exc.strerror}")
    if free < DISK_FREE_MIN_BYTES:
        return Check("disk", "failing", "the disk is full; free some space")
    if not has_names:
        return Check("disk", "warning", "no room for more files (inodes): remove some that are not needed")
    if free < DISK_FREE_LOW_BYTES:
        return Check("disk", "warning", f"{free // 1_048_576} MiB of disk are left")
    return Check("disk", "ok")


def _has_names(path: Path) -> bool:
    """Some file systems have no limit of their own: they say 0 of 0."""
    found = os.statvfs(path)
    return not found.f_files or found.f_favail >= FILES_MIN


def _catalog(desk: Desk) -> Check:
    try:
        desk.catalog.has_business("")
    except PixelwireError as exc:
        return Check("catalog", "failing", exc.hint or "the catalog can not be read; see the log")
    return Check("catalog", "ok")


def _events(desk: Desk) -> Check:
    try:
        desk.reader.head()
        damaged = desk.reader.damaged()
    except (PixelwireError, apsw.Error):
        return Check("events", "warning", "stored events can not be read; see the log")
    if damaged:
        numbers = ", ".join(map(str, damaged))
        return Check("events", "warning", f"damaged and set aside: segment {numbers}; all others are served")
    return Check("events", "ok")


def _retention(desk: Desk) -> Check:
    try:
        state = desk.reader.retention()
    except (PixelwireError, apsw.Error):
        return Check("retention", "warning", "the state of retention can not be read; see the log")
    if state.held_by == "destination":
        return Check("retention", "warning", "old events stay: a destination still waits for them")
    if state.held_by == "clock":
        return Check(
            "retention", "warning", "old events stay: check the clock, then `pixelwire retention confirm`"
        )
    return Check("retention", "ok")


def _courier(processes: Processes | None) -> Check:
    if processes is None:
        return Check("courier", "unknown", _NO_SUPERVISOR)
    state = processes.courier.state
    if state == "running":
        return Check("courier", "ok")
    return Check("courier", "warning", f"the courier is {state or 'not started'}: nothing is sent on for now")


def _destinations(desk: Desk) -> Check:
    try:
        summaries = desk.deliveries.summary()
    except PixelwireError:
        return Check("destinations", "warning", "the state of deliveries can not be read; see the log")
    faults = ", ".join(_counted(summaries))
    return (
        Check("destinations", "warning", f"of {len(summaries)} destinations {faults}")
        if faults
        else Check("destinations", "ok")
    )


def _counted(summaries: Sequence[DestinationSummary]) -> Iterator[str]:
    states = [summary.state for summary in summaries]
    for fault in ("down", "paused", "failed"):
        if fault in states:
            yield f"{states.count(fault)} {fault}"
    held_up = [summary.parked for summary in summaries if summary.is_held_up]
    if held_up:
        yield f"{len(held_up)} held up by {sum(held_up)} parked events"
