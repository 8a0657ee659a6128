"""Restarts refuse nobody: under load every request has its normal outcome, and nobody waits for long."""

import os
import socket
from pathlib import Path
from signal import SIGHUP, SIGTERM

import pytest

from support.faults import see_ready
from support.promise import check_promise
from support.server import Server
from support.visitors import Visitors
from support.waiting import wait_until

pytestmark = pytest.mark.alone

LONGEST_S = 2.0  # what is promised
SLACK_S = 1.0  # the load, the tests and the server share two cores


def visitors_of(server: Server) -> Visitors:
    return Visitors(server.port, server.facts["write_key"])


def check_nobody_refused(server: Server, visitors: Visitors) -> None:
    print(f"longest wait {visitors.longest_s:.2f} s, {visitors.reopened} connections reopened")
    assert visitors.refused == []
    assert set(visitors.outcomes) <= {"stored", "duplicate"}
    assert visitors.outcomes["duplicate"] <= visitors.reopened
    assert visitors.longest_s < LONGEST_S + SLACK_S
    see_ready(server)
    check_promise(server, visitors.ledger())


@pytest.mark.parametrize("setting", ["log_level", "client_address_header"])
def test_a_reload_refuses_nobody(setting: str, tmp_path: Path) -> None:
    """SIGHUP: the processes that a changed setting concerns are replaced under load."""
    config = tmp_path / "pixelwire.toml"
    config.write_text("")
    with Server(tmp_path / "data", environment={"PIXELWIRE_CONFIG": str(config)}) as server:
        server.take_over()  # by `serve`, which reads its file again
        with visitors_of(server) as visitors:
            visitors.wait_stored()
            before = {process.pid for process in server.processes() if process.role == "worker"}
            config.write_text({"log_level": 'log_level = "warning"'}.get(setting, f'{setting} = "x-real-ip"'))
            server.hang_up()
            wait_until(
                lambda: len(set(server.children("worker")) - before) == server.workers, 30, "new workers"
            )
            visitors.wait_stored()
        check_nobody_refused(server, visitors)


def test_an_upgrade_refuses_nobody(tmp_path: Path) -> None:
    """`serve --take-over`, twice: the successor gets the sockets, the former answers what it has and ends."""
    with Server(tmp_path / "data") as server:
        with visitors_of(server) as visitors:
            visitors.wait_stored()
            assert server.take_over() == 0
            visitors.wait_stored()
            assert server.take_over() == 0
            visitors.wait_stored()
        check_nobody_refused(server, visitors)


def test_a_restart_by_systemd_refuses_nobody(tmp_path: Path) -> None:
    """The sockets outlive the whole server: connections wait in their queues until it is back."""
    with (
        Server(tmp_path / "data") as server,
        socket.socket() as public,
        socket.socket() as manage,
    ):
        server.stop()
        for sock, port in ((public, server.port), (manage, server.manage_port)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            sock.listen(4_096)
        server.start_activated(public, manage)
        with visitors_of(server) as visitors:
            visitors.wait_stored()
            assert server.stop() == 0
            server.start_activated(public, manage)
            visitors.wait_stored()
        check_nobody_refused(server, visitors)


def test_a_reload_and_a_stop_at_once(tmp_path: Path) -> None:
    """However close they come: one SIGTERM is enough, and the server ends in order and in time."""
    with Server(tmp_path / "data") as server:
        server.stop()
        for signals in (*[(SIGHUP, SIGTERM)] * 3, (SIGTERM, SIGHUP), (SIGHUP, SIGHUP, SIGTERM)):
            server.serve()
            for number in signals[:-1]:
                os.kill(server.pid, number)
            assert server.stop(signals[-1]) == 0
        server.serve()
        before = set(server.children("worker"))
        server.hang_up()
        wait_until(lambda: set(server.children("worker")) - before, 30, "workers are being replaced")
        assert server.stop() == 0
        assert server.log().count("workers_stopped") == 0
