"""What of deploy/ can not run here is read: the container's recipe, and how containers are put together."""

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

from pixelwire.config import Settings
from support.recipes import DEPLOY, program

ROOT = DEPLOY.parent
SETTINGS = {"PIXELWIRE_" + name.upper() for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: (word, rest), continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]


def copied() -> list[str]:
    """What the Dockerfile takes from the checkout."""
    rest = [shlex.split(rest) for word, rest in instructions() if word == "COPY"]
    return [source for words in rest if not words[0].startswith("--") for source in words[:-1]]


def composed(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [program("docker-compose", "docker-compose"), "--file", str(DEPLOY / "compose.yaml"), "config"]
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, check=False
    )


def test_what_the_container_copies_is_there_and_not_ignored() -> None:
    """And nothing else is sent to the builder: no data, no secrets, no history."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied())


def test_the_wheel_is_built_from_what_the_container_copies(tmp_path: Path) -> None:
    """No file is missing for it, and every SQL statement is in it."""
    for name in copied():
        (tmp_path / name).symlink_to(ROOT / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    package = ROOT / "src" / "pixelwire"
    wanted = {
        f"pixelwire/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.suffix in (".py", ".sql", ".css")
    }
    assert wanted - set(inside) == set()


def test_the_container_runs_without_privileges() -> None:
    """As a user of its own, in both stages with requirements that are pinned by hash."""
    words = instructions()
    assert words[-3][0] == "HEALTHCHECK"
    assert [rest for word, rest in words if word == "USER"] == ["10001:10001"]
    installs = [rest for word, rest in words if word == "RUN" and "pip install" in rest]
    assert ["--require-hashes" in rest or "--no-deps" in rest for rest in installs] == [True, True]


def test_compose_takes_the_file() -> None:
    """And asks for the name, without which it would serve nobody."""
    assert composed(PIXEL_DOMAIN="pixel.example.org").returncode == 0
    asked = composed()
    assert asked.returncode != 0
    assert "the name that points here" in asked.stdout + asked.stderr


def test_compose_keeps_management_on_this_machine_and_trusts_its_own_network() -> None:
    """The proxy's network, and no other, may say who the visitor is."""
    said = composed(PIXEL_DOMAIN="pixel.example.org").stdout
    (network,) = re.findall(r"subnet: (\S+)", said)
    assert f"PIXELWIRE_TRUSTED_PROXIES: {network}" in said
    assert re.findall(r"(\S*):8081/tcp", said) == ["127.0.0.1:8081"]
    assert "8080:" not in said.replace("pixelwire:8080", "")


def test_containers_are_given_settings_that_exist() -> None:
    """An unknown variable would keep the server from starting."""
    for name in ("Dockerfile", "compose.yaml"):
        given = set(re.findall(r"\bPIXELWIRE_\w+", (DEPLOY / name).read_text()))
        assert given
        assert given - SETTINGS == set()
