"""What deploy/ tells people to run is run: proxies with TLS, sockets from systemd, what the unit allows."""

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from support.load import Connection
from support.recipes import DEPLOY, HOST, Proxy, free_port, program
from support.server import COMMAND, START_S, STOP_S, Server
from support.waiting import wait_until

IMAGE = {"Accept": "image/avif,image/webp,*/*"}
PROXIED = {
    "PIXELWIRE_TRUSTED_PROXIES": "127.0.0.1",
    "PIXELWIRE_PUBLIC_URL": f"https://{HOST}",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server") / "data", workers=1, environment=PROXIED) as server:
        token = f"Authorization: Bearer {server.facts['token']}\r\n"
        body = b'{"address": "full"}'
        connection = Connection(server.manage_port)
        path = f"/api/v1/pixels/{server.facts['pixel_id']}"
        connection._socket.sendall(
            f"PATCH {path} HTTP/1.1\r\nHost: x\r\n{token}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert connection._answer(has_body=True).status == 200
        connection.close()
        wait_until(
            lambda: address_of_a_pixel(server) == "127.0.0.1", 10, "the policy is known to the workers"
        )
        yield server


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with Proxy(request.param, tmp_path_factory.mktemp("proxies") / request.param, server.port) as proxy:
        yield proxy


def pixel(server: Server, rest: str = "") -> str:
    return f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1{rest}"


def address_of_a_pixel(server: Server) -> str:
    connection = Connection(server.port)
    message_id = connection.get(pixel(server)).headers["x-pixelwire-message-id"]
    connection.close()
    receipt = server.receipt(message_id)
    assert receipt is not None
    return str(receipt["payload"]["request_ip"])


def test_a_pixel_through_the_proxy_is_stored_with_its_visitors_address(server: Server, proxy: Proxy) -> None:
    """Over TLS; what a visitor claims of its own address is not believed."""
    claim = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    answer = proxy.get(pixel(server), {**IMAGE, **claim}, source="127.0.0.2")
    assert (answer.status, answer.headers["x-pixelwire-outcome"]) == (200, "stored")
    assert answer.headers["content-type"] == "image/gif"
    receipt = server.receipt(answer.headers["x-pixelwire-message-id"])
    assert receipt is not None
    assert receipt["payload"]["request_ip"] == "127.0.0.2"


def test_the_longest_query_comes_through(server: Server, proxy: Proxy) -> None:
    """And one byte more is our answer, not the proxy's."""
    start = pixel(server, "&x=")
    fits = start + "y" * (32_768 - len(start.partition("?")[2]))
    assert proxy.get(fits, IMAGE).headers["x-pixelwire-outcome"] == "stored"
    too_long = proxy.get(fits + "y", IMAGE)
    assert (too_long.status, too_long.headers["x-pixelwire-reason"]) == (400, "query_too_long")


def test_the_query_arrives_as_it_was_sent(server: Server, proxy: Proxy) -> None:
    """Escapes, plus signs, merge fields: no proxy decodes or tidies them."""
    rest = "&properties.a=1%2F2+3%2B%26&properties.b={{x}}|*&properties.c=%C3%A4%2e%2E/../&properties.d=a%00b"
    answer = proxy.get(pixel(server, rest), IMAGE)
    receipt = server.receipt(answer.headers["x-pixelwire-message-id"])
    assert receipt is not None
    expected = {"a": "1/2 3+&", "b": "{{x}}|*", "c": "ä../../", "d": "a\0b"}
    assert {name: receipt["payload"]["properties"][name] for name in expected} == expected


@pytest.mark.parametrize(
    "path", ["/", "/ads/v3/businesses", "/api/v1/tokens", "/metrics", "/docs", "/pixel/../metrics"]
)
def test_nothing_but_pixels_is_reached_through_the_proxy(server: Server, proxy: Proxy, path: str) -> None:
    """Least of all management, even with a token."""
    answer = proxy.get(path, {"Authorization": f"Bearer {server.facts['token']}"})
    assert (answer.status, b"pixelwire" in answer.body.lower()) == (404, False)


def test_robots_are_asked_to_stay_away(proxy: Proxy) -> None:
    """By our own file."""
    assert proxy.get("/robots.txt").body == b"User-agent: *\nDisallow: /\n"


def test_the_proxy_keeps_no_log_of_visitors(server: Server, proxy: Proxy) -> None:
    """It would hold what the pixel's policy leaves out."""
    proxy.get(pixel(server, "&properties.secret=s3cr3t"), {"User-Agent": "marked-browser"})
    assert "marked-browser" not in proxy.access_log + proxy.said()
    assert "s3cr3t" not in proxy.access_log + proxy.said()


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_while_the_server_is_gone_an_image_is_drawn(kind: str, tmp_path: Path) -> None:
    """The status says what is the matter, and no visitor sees a broken picture."""
    with Proxy(kind, tmp_path / kind, free_port()) as proxy:
        answer = proxy.get("/pixel/v1/page?writeKey=x", IMAGE)
    assert answer.status in (502, 504)
    assert answer.headers["content-type"].startswith("image/")
    assert answer.headers["cache-control"] == "no-store"


def test_nginx_takes_the_recipe(tmp_path: Path) -> None:
    """Without a warning."""
    proxy = Proxy("nginx", tmp_path / "nginx", 8080)
    checked = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, check=False)
    assert (checked.returncode, "[warn]" in checked.stderr) == (0, False), checked.stderr


def test_caddy_takes_the_recipe_and_finds_it_well_formed() -> None:
    """As it is, with the name that stands in it."""
    caddy, recipe = program("caddy", "caddy"), str(DEPLOY / "Caddyfile")
    checked = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", recipe],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    formatted = subprocess.run([caddy, "fmt", recipe], capture_output=True, text=True, check=True)
    assert formatted.stdout == Path(recipe).read_text()


# -- systemd ---------------------------------------------------------------------------------------


def unit(name: str) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False, delimiters="=")
    parsed.optionxform = str  # type: ignore[assignment,method-assign] # names have a case
    parsed.read(DEPLOY / name)
    return parsed


def units(directory: Path) -> list[str]:
    """The units with a command that is there."""
    directory.mkdir()
    for path in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.socket")]:
        shutil.copy(path, directory)
    service = directory / "pixelwire.service"
    service.write_text(service.read_text().replace("/opt/pixelwire/bin/pixelwire", str(COMMAND)))
    return sorted(str(path) for path in directory.iterdir())


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """All three, without a word."""
    analyze = program("systemd-analyze", "systemd")
    checked = subprocess.run(
        [analyze, "verify", *units(tmp_path / "units")], capture_output=True, text=True, check=False
    )
    ours = [line for line in checked.stderr.splitlines() if "pixelwire" in line]
    assert (checked.returncode, ours) == (0, [])


def test_the_unit_is_well_protected(tmp_path: Path) -> None:
    """An exposure of at most 2 of 10, as systemd itself rates it; without any hardening it is 9.6."""
    analyze = program("systemd-analyze", "systemd")
    service = next(path for path in units(tmp_path / "units") if path.endswith(".service"))
    rated = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", service],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout[-300:] + rated.stderr


def test_the_server_runs_on_the_sockets_of_the_units(tmp_path: Path) -> None:
    """With the names and the command that stand in them, started by the first connection as systemd does."""
    names = [
        unit(name)["Socket"]["FileDescriptorName"] for name in ("pixelwire.socket", "pixelwire-manage.socket")
    ]
    words = unit("pixelwire.service")["Service"]["ExecStart"].split()
    assert words[1:3] == ["serve", "--config"]
    ports = [free_port(), free_port()]
    data, config = tmp_path / "data", tmp_path / "pixelwire.toml"
    recipe = (DEPLOY / "pixelwire.toml").read_text()
    assert '"/var/lib/pixelwire"' in recipe
    config.write_text(recipe.replace("/var/lib/pixelwire", str(data)))
    made = [
        subprocess.run([COMMAND, *line, "--config", config], capture_output=True, check=True).stdout
        for line in (
            ["init"],
            ["business", "create", "B", "--json"],
            ["pixel", "create", "https://shop.example", "Shop", "--json"],
        )
    ]
    key = json.loads(made[2])["id"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(program("systemd-socket-activate", "systemd"), f"--fdname={':'.join(names)}"),
                *(part for port in ports for part in ("--listen", f"127.0.0.1:{port}")),
                *(str(COMMAND), *words[1:3], str(config)),
            ],
            stdin=subprocess.DEVNULL,
            stderr=log,
            stdout=log,
        )
    try:
        connection = wait_until(lambda: connected(ports[0]), START_S, "systemd listens")
        answer = connection.get(f"/pixel/v1/page?writeKey={key}&anonymousId=a1")
        assert answer.headers["x-pixelwire-outcome"] == "stored", (tmp_path / "log").read_text()
        connection.close()
        ready = Connection(ports[1], timeout_s=START_S)
        assert ready.get("/healthz").status == 200
        ready.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


def connected(port: int) -> Connection | None:
    try:
        return Connection(port, timeout_s=START_S)
    except OSError:
        return None


def calls_of(group: str, analyze: str, seen: set[str]) -> set[str]:
    """The system calls of a group of systemd's, with those of the groups in it."""
    seen.add(group)
    listed = subprocess.run([analyze, "syscall-filter", group], capture_output=True, text=True, check=True)
    names = {line.strip() for line in listed.stdout.splitlines()[1:]} - {""}
    names = {name for name in names if not name.startswith("#")}
    inner = {name for name in names if name.startswith("@")} - seen
    return names.union(*(calls_of(name, analyze, seen) for name in sorted(inner)))


def test_the_unit_allows_every_system_call_that_the_server_makes(tmp_path: Path) -> None:
    """Start, pixel and stop, traced: nothing that the filter refuses, no memory both written and run."""
    analyze, trace = program("systemd-analyze", "systemd"), tmp_path / "trace"
    filters = [
        line for line in (DEPLOY / "pixelwire.service").read_text().splitlines() if "CallFilter=" in line
    ]
    assert filters == ["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged"]
    allowed = calls_of("@system-service", analyze, set()) - calls_of("@privileged", analyze, set())
    port, manage_port = free_port(), free_port()
    process = subprocess.Popen(
        [
            *(
                program("strace", "strace"),
                "-f",
                "-qq",
                "-o",
                str(trace),
                str(COMMAND),
                "quickstart",
                "--json",
            ),
            *("--data-dir", str(tmp_path / "data"), "--workers", "1"),
            *("--port", str(port), "--manage-port", str(manage_port)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        facts = json.loads(process.stdout.readline())
        connection = Connection(port)
        target = f"/pixel/v1/page?writeKey={facts['write_key']}&anonymousId={quote('ä')}"
        assert connection.get(target).headers["x-pixelwire-outcome"] == "stored"
        connection.close()
        os.killpg(process.pid, signal.SIGTERM)
    finally:
        process.wait(START_S)
        process.stdout.close()
    text = trace.read_text()
    made = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))  # short pids are padded
    assert {"fdatasync", "accept4", "execve"} <= made
    assert made - allowed <= {"fchown"}  # SQLite, as root only: files belong to the directory's owner
    assert re.findall(r".*PROT_WRITE\|PROT_EXEC.*|.*mprotect\(.*PROT_EXEC.*", text) == []


# -- Container -------------------------------------------------------------------------------------


def test_the_containers_health_check_tells_ready_from_gone(server: Server) -> None:
    """The very command, on this server's port."""
    (words,) = re.findall(r"^ +CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    command = [sys.executable, *json.loads(words)[1:]]
    assert "127.0.0.1:8081" in command[-1]

    def status(port: int) -> int:
        probe = [*command[:-1], command[-1].replace("127.0.0.1:8081", f"127.0.0.1:{port}")]
        return subprocess.run(probe, capture_output=True, check=False).returncode

    assert status(server.manage_port) == 0
    assert status(free_port()) != 0
