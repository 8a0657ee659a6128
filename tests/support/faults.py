"""Faults as machines have them (a full disk, a disk that fails, a stopped process), and what an owner sees of
them: the checks of /readyz, the metrics, the log."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from support.server import Server
from support.waiting import wait_until

SEEN_S = 15.0
OPEN_METRICS = {"PIXELWIRE_METRICS_PUBLIC": "true"}
FAILING = 2
WARNING = 1


class Seen(NamedTuple):
    """One check of /readyz."""

    state: str
    reason: str


# -- What the owner sees ---------------------------------------------------------------------------


def checks(server: Server) -> dict[str, Seen]:
    """The checks of /readyz by name; none while management does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.manage_port}/readyz", timeout=10) as answer:
            body, is_ready = json.load(answer), True
    except urllib.error.HTTPError as error:
        with error:
            body, is_ready = json.load(error), False
    except OSError:
        return {}
    found = {check["name"]: Seen(check["state"], check["reason"] or "") for check in body["checks"]}
    assert is_ready == all(seen.state != "failing" for seen in found.values())
    return found


def see_check(server: Server, name: str, state: str, reason: str) -> None:
    """/readyz says so within a moment."""
    wait_until(
        lambda: (seen := checks(server).get(name)) and seen.state == state and reason in seen.reason,
        SEEN_S,
        f"{name} is {state}: {reason}",
        last=lambda: checks(server),
    )


def metric(server: Server, name: str, **labels: str) -> float | None:
    """A metric's value, None when there is none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.manage_port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    for found, inside, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE):
        if found == name and wanted <= set(inside.split(",")):
            return float(value)
    return None


def see_metric(server: Server, name: str, least: float, **labels: str) -> None:
    """The metric reaches a value within a moment."""
    wait_until(
        lambda: (metric(server, name, **labels) or 0) >= least,
        SEEN_S,
        f"{name}{labels} reaches {least}",
        last=lambda: metric(server, name, **labels),
    )


def see_log(server: Server, event: str, *words: str) -> None:
    """One line of the log tells the event, with the remedy and the words."""

    def lines() -> list[str]:
        plain = re.sub(r"\x1b\[[\d;]*m", "", server.log())
        return [line for line in plain.splitlines() if event in line and "remedy=" in line]

    wait_until(
        lambda: any(all(word in line for word in words) for line in lines()),
        SEEN_S,
        f"the log says {event} {words}",
        last=lambda: server.log()[-2_000:],
    )


def see_ready(server: Server) -> None:
    """Nothing fails any more."""
    wait_until(
        lambda: (found := checks(server)) and all(seen.state != "failing" for seen in found.values()),
        SEEN_S,
        "ready again",
        last=lambda: checks(server),
    )


# -- Faults ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(path: Path, size: str, *, files: int = 0) -> Iterator[Path]:
    """A file system of its own at `path`, as large as said, for so many files (0: any number)."""
    path.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size},nr_inodes={files},mode=700", "tmpfs", str(path))
    try:
        yield path
    finally:
        unmount(path)


def fill(ballast: Path) -> None:
    """Until nothing fits on its disk any more."""
    with ballast.open("wb", buffering=0) as file:
        for piece in (bytes(65_536), bytes(4_096)):
            with contextlib.suppress(OSError):
                while file.write(piece):
                    pass


def fill_names(folder: Path) -> None:
    """Until no file more can be made on its disk."""
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in count():
            (folder / str(number)).touch()


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Whoever opens a file below `path` meanwhile finds a file system that takes no writes."""
    mount("--bind", str(path), str(path))
    mount("-o", "remount,bind,ro", str(path))
    try:
        yield
    finally:
        unmount(path)


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"this test mounts file systems, run it as root: {done.stderr}"


def unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextmanager
def injected(*pids: int, calls: str, error: str, when: str = "1+") -> Iterator[Path]:
    """System calls of these processes, and of those that they start, fail. Yields the list of the calls."""
    program = shutil.which("strace")
    assert program, "this test needs strace: apt-get install strace"
    trace = Path(tempfile.mkdtemp(prefix="strace-")) / "calls"
    tracer = subprocess.Popen(
        [
            *(program, "-f", "-q", "-o", str(trace), "-e", f"trace={calls}"),
            *("-e", f"inject={calls}:error={error}:when={when}"),
            *(f"--attach={pid}" for pid in pids),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(
            lambda: all(is_traced(pid) for pid in pids) or tracer.poll() is not None, 10, "strace is attached"
        )
        yield trace
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
        shutil.rmtree(trace.parent)


def is_traced(pid: int) -> bool:
    """All threads of a process are."""
    try:
        status = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    except OSError:
        return False
    return bool(status) and all("TracerPid:\t0\n" not in text for text in status)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process stands still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def kept_dead(server: Server, role: str) -> Iterator[None]:
    """Every process of a role is killed as soon as it is seen."""
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.02):
            for pid in server.children(role):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()
