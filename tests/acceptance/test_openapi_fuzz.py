"""The management API against its own document, by schemathesis: every call with values made from the schema
and against it, and call after call with ids from earlier answers; with a token and without.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.server import Server

COMMAND = Path(sys.executable).with_name("schemathesis")
SEED = "2026"
# Some rules are more than a schema can say (a name is not blank, a business exists): those answers are 400
# for a request that the schema allows.
NOT_SAID_BY_SCHEMAS = "positive_data_acceptance"


def test_the_fuzzer_is_the_one_that_is_known() -> None:
    """What the options below mean was learnt from this one."""
    assert importlib.metadata.version("schemathesis").startswith("4.")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("fuzz") / "data", workers=1) as server:
        yield server


def fuzz(server: Server, token: str | None, *options: str, known: dict[str, str] | None = None) -> str:
    """Schemathesis' report. AssertionError with all of it when it finds anything.

    `known`: parameters that have this value in every call. `wait` always is short: nothing arrives.
    """
    parameters = "".join(f'"{name}" = {json.dumps(value)}\n' for name, value in (known or {}).items())
    config = server.data_dir.with_name("schemathesis.toml")
    config.write_text(f'[parameters]\n"query.wait" = 0.01\n{parameters}')
    header = ["--header", f"Authorization: Bearer {token}"] if token else []
    ran = subprocess.run(
        [
            *(str(COMMAND), "--config-file", str(config), "--no-color"),
            *("run", f"http://127.0.0.1:{server.manage_port}/openapi.json", *header),
            *("--seed", SEED, "--continue-on-failure", "--generation-database", "none", *options),
        ],
        cwd=server.data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
    return ran.stdout


def numbers(report: str) -> tuple[int, int]:
    """(operations in the document, of those tried)."""
    found = re.search(r"Selected: \d+/(\d+)\s+Tested: (\d+)", report)
    assert found, report[-3_000:]
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("ids", [[], ["business_id", "pixel_id"]], ids=["made up", "of what is there"])
def test_nothing_is_answered_that_is_not_documented(server: Server, ids: list[str]) -> None:
    """To an admin of the server: no server error, no other status, type, shape or header than documented."""
    known = {f"path.{name}": server.facts[name] for name in ids}
    options = ("--max-examples", "25", "--exclude-checks", NOT_SAID_BY_SCHEMAS)
    in_document, tried = numbers(fuzz(server, server.facts["token"], *options, known=known))
    assert in_document == tried >= 25
    assert server.pixel()["id"] == server.facts["pixel_id"]
    assert "Traceback" not in server.log()
    assert server.get("/readyz")["status"] == "ready"


@pytest.mark.parametrize("token", [None, "pw_unknown"])
def test_without_a_token_every_answer_is_documented_too(server: Server, token: str | None) -> None:
    """401 is, wherever a token is asked for."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    in_document, tried = numbers(fuzz(server, token, "--max-examples", "5", "--checks", checks))
    assert in_document == tried
