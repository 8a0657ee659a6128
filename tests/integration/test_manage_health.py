"""Health, metrics, the OpenAPI document and the page drawn from it."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from pixelwire.catalog.database import catalog_path
from pixelwire.clock import HOUR_MS
from pixelwire.deliver.database import open_to_write
from pixelwire.event import DROPPED, RECEIVED, UNHEARD, Tally
from pixelwire.record.writer import Writer
from pixelwire.times import hour_of
from support.asgi import NOW_MS, Api, StillClock
from support.catalogs import make_shop
from support.events import make_batch, make_event, record

OK = {"name": "", "state": "ok", "reason": None}
HOUR = hour_of(NOW_MS)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with Api(data_dir, processes=str(tmp_path / "processes.json")) as api:
        yield api


def say(api: Api, **changed: Any) -> None:
    """What the supervisor says: everything runs, but for the changes."""
    running = {"pid": os.getpid(), "state": "running", "restarts": 0}
    workers = {"pids": [os.getpid(), os.getppid()], "count": 2}
    state = {"recorder": running, "manage": running, "courier": running, "workers": workers} | changed
    Path(api.app.state.office.options.processes).write_text(json.dumps(state))


def faults(api: Api) -> dict[str, str]:
    """The checks that are not ok."""
    return {check["name"]: check["state"] for check in api.get("/readyz").json()["checks"] if check["reason"]}


# -- Health ----------------------------------------------------------------------------------------


def test_a_process_that_answers_is_alive(api: Api) -> None:
    """Without a token, whatever else is broken."""
    api.token = None
    assert api.get("/healthz").json() == {"status": "alive"}


def test_a_whole_server_is_ready(api: Api) -> None:
    """Without a token; every check says ok and gives no reason."""
    say(api)
    api.token = None
    answer = api.get("/readyz")
    assert (answer.status, list(answer.json()), answer.json()["status"]) == (
        200,
        ["status", "checks"],
        "ready",
    )
    assert [check["name"] for check in answer.json()["checks"]] == [
        *("recorder", "workers", "data_directory", "disk", "catalog", "events"),
        *("retention", "courier", "destinations"),
    ]
    assert all(check == OK | {"name": check["name"]} for check in answer.json()["checks"])


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"recorder": {"pid": None, "state": "backing_off", "restarts": 3}}, "recorder"),
        ({"recorder": {"pid": 1, "state": "starting", "restarts": 0}}, "recorder"),
        ({"workers": {"pids": [], "count": 2}}, "workers"),
        ({"workers": {"pids": [2**22 + 1], "count": 1}}, "workers"),
    ],
)
def test_a_broken_path_of_the_pixel_is_not_ready(api: Api, changed: dict[str, Any], name: str) -> None:
    """503 with the reason, for whoever routes visitors."""
    say(api, **changed)
    answer = api.get("/readyz")
    assert (answer.status, answer.json()["status"], faults(api)) == (503, "not_ready", {name: "failing"})


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"courier": {"pid": None, "state": "backing_off", "restarts": 9}}, "courier"),
        ({"workers": {"pids": [os.getpid()], "count": 2}}, "workers"),
    ],
)
def test_what_pixels_do_not_need_only_warns(api: Api, changed: dict[str, Any], name: str) -> None:
    """Events are stored all the same."""
    say(api, **changed)
    assert (api.get("/readyz").status, faults(api)) == (200, {name: "warning"})


def test_without_the_supervisors_file_nothing_is_known(api: Api) -> None:
    """Which is no reason to send visitors away."""
    assert api.get("/readyz").status == 200
    assert faults(api) == {"recorder": "unknown", "workers": "unknown", "courier": "unknown"}


def test_a_catalog_that_can_not_be_read_is_not_ready(tmp_path: Path) -> None:
    """Workers could not find new pixels."""
    with Api(tmp_path) as api:
        api.catalog.close()
        for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        catalog_path(tmp_path).write_bytes(b"no database" * 1_000)
        answer = api.get("/readyz")
        assert (answer.status, faults(api)["catalog"]) == (503, "failing")


def test_a_full_disk_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that fills up warns while there is time."""
    say(api)
    free = 2**20

    class Usage:
        @property
        def free(self) -> int:
            return free

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    assert (api.get("/readyz").status, faults(api)) == (503, {"disk": "failing"})
    free = 2**29
    assert (api.get("/readyz").status, faults(api)) == (200, {"disk": "warning"})


# -- Metrics ---------------------------------------------------------------------------------------


def tally(api: Api, *tallies: Tally) -> None:
    writer = Writer.open(api.data_dir, is_inline=True)
    writer.commit([(writer.head + 99, make_batch(1, [], tallies))])
    writer.close()


def values(api: Api) -> dict[str, float]:
    lines = api.get("/metrics").body.decode().splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")
    }


def test_metrics_tell_what_was_stored_and_answered(api: Api) -> None:
    """The sums of the ledger and the place of the newest event."""
    shop = make_shop(api.data_dir)
    record(api.data_dir, [make_event(shop.pixel.number), make_event(shop.pixel.number)])
    tally(
        api,
        Tally(HOUR, 0, RECEIVED, "", 5),
        Tally(HOUR - 9_000, 0, RECEIVED, "", 100),
        Tally(HOUR, 3, "refused", "identity_missing", 2),
        Tally(HOUR, 3, DROPPED, "too_deep", 7),
        Tally(HOUR, 0, UNHEARD, "private", 9),
    )
    for _ in range(2):
        found = values(api)
        assert found["pixelwire_requests_received_total"] == 105
        assert found['pixelwire_requests_answered_total{outcome="refused",reason="identity_missing"}'] == 2
        assert found['pixelwire_parameters_dropped_total{reason="too_deep"}'] == 7
        assert found['pixelwire_requests_untrusted_proxy_total{peer="private"}'] == 9
        assert not [name for name in found if "unheard" in name]
        assert found["pixelwire_events_stored_total"] == found["pixelwire_events_head_seq"] == 2
        assert found["pixelwire_segments_size_bytes"] > 0


def test_metrics_never_count_backwards(tmp_path: Path) -> None:
    """Hours that are over are added up once, and stay when time goes on."""
    clock = StillClock()
    with Api(tmp_path, clock=clock) as api:
        tally(api, Tally(HOUR, 0, RECEIVED, "", 5))
        seen = [values(api)["pixelwire_requests_received_total"]]
        for hours in (1, 7, 100):
            clock.at_ms = NOW_MS + hours * HOUR_MS
            seen.append(values(api)["pixelwire_requests_received_total"])
        assert seen == [5, 5, 5, 5]


def test_metrics_count_on_when_the_clock_goes_back(tmp_path: Path) -> None:
    """It was ten years ahead when this process began: neither what was counted then nor now is left out."""
    clock = StillClock(NOW_MS + 87_600 * HOUR_MS)
    with Api(tmp_path, clock=clock) as api:
        tally(api, Tally(HOUR, 0, RECEIVED, "", 5), Tally(HOUR + 87_600, 0, RECEIVED, "", 2))
        assert values(api)["pixelwire_requests_received_total"] == 7
        for at_ms in (NOW_MS, NOW_MS - 48 * HOUR_MS, NOW_MS + HOUR_MS):
            clock.at_ms = at_ms
            tally(api, Tally(HOUR, 0, RECEIVED, "", 1))
            seen = values(api)["pixelwire_requests_received_total"]
        assert seen == 10


def test_a_destination_that_is_held_up_is_told(api: Api) -> None:
    """Events are sent, but many wait: a warning, and a metric of its own beside `running`."""
    say(api)
    connection = open_to_write(api.data_dir)
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, reason, since_ms, revision)"
        " VALUES ('d', 's', 0, 0, 'running', 'many wait', 5, 1)"
    )
    connection.execute("INSERT INTO parked VALUES (1, 3, 7, 1, 0, 0, '503'), (1, 4, 7, 0, 0, 0, 'waits')")
    assert faults(api) == {"destinations": "warning"}
    [check] = [check for check in api.get("/readyz").json()["checks"] if check["name"] == "destinations"]
    assert check["reason"] == "of 1 destinations 1 held up by 2 parked events"
    assert values(api)['pixelwire_delivery_held_up_state{destination="d"}'] == 1
    connection.execute("UPDATE destination SET reason = ''")
    connection.close()
    assert faults(api) == {}
    assert values(api)['pixelwire_delivery_held_up_state{destination="d"}'] == 0


def test_metrics_tell_of_the_processes(api: Api) -> None:
    """Restarts and memory, by name."""
    say(api, recorder={"pid": os.getpid(), "state": "running", "restarts": 4})
    found = values(api)
    assert found['pixelwire_process_restarts_total{process="recorder"}'] == 4
    assert found['pixelwire_process_resident_memory_bytes{process="worker-1"}'] > 1_000_000
    assert found["pixelwire_workers_alive_processes"] == 2


def test_metrics_names_follow_one_rule(api: Api) -> None:
    """`pixelwire_<subject>_<measure>_<unit>`, counters with `_total`, each with a help text."""
    say(api)
    text = api.get("/metrics").body.decode()
    declared = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helped = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    assert set(declared) == helped
    assert all(re.fullmatch(r"pixelwire(_[a-z]+){3,5}", name) for name in declared)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in declared.items())


def test_metrics_are_open_only_when_told(tmp_path: Path) -> None:
    """`metrics_public` is off by default."""
    for is_public, status in ((False, 401), (True, 200)):
        with Api(tmp_path, metrics_public=is_public) as api:
            api.token = None
            assert api.get("/metrics").status == status


# -- OpenAPI ---------------------------------------------------------------------------------------


def test_every_route_is_documented_with_its_errors(api: Api) -> None:
    """Nothing is served that the document does not tell, but the document and its page."""
    document = api.get("/openapi.json").json()
    served = {
        (method, str(context.path_format))
        for context in iter_route_contexts(api.app.routes)
        for method in context.methods or ()
    }
    told = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert served - told == {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/docs/style.css")}
    assert told <= served
    assert document["openapi"].startswith("3.1")


def operations(api: Api) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in api.get("/openapi.json").json()["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def test_every_operation_tells_its_errors_and_its_token(api: Api) -> None:
    """Each with a summary, its errors in the one shape, and 422 nowhere."""
    for method, path, operation in operations(api):
        answers = operation["responses"]
        assert operation["summary"], path
        assert "422" not in answers
        if path in ("/healthz", "/readyz"):
            assert "security" not in operation
            continue
        wanted = {"401", "403", "500", "503"} | ({"404"} if "{" in path else set())
        wanted |= {"400", "413"} if method in ("post", "patch") else set()
        assert wanted <= set(answers), (method, path)
        assert operation["security"] == [{"token": []}]
        for status, answer in answers.items():
            if status >= "400":
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_operation_ids_are_unique(api: Api) -> None:
    """Client generators name methods after them."""
    ids = [operation["operationId"] for _, _, operation in operations(api)]
    assert len(ids) == len(set(ids))


def test_every_reference_of_the_document_leads_somewhere(api: Api) -> None:
    """And nothing is described that nothing uses."""
    document = api.get("/openapi.json")
    used = set(re.findall(r'"#/components/schemas/(\w+)"', document.body.decode()))
    assert used == set(document.json()["components"]["schemas"])


def test_the_docs_page_needs_nothing_from_elsewhere(api: Api) -> None:
    """No script, no foreign address, a policy that forbids both, and every operation on it."""
    page = api.get("/docs")
    text = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!/|#|data:,)', text)
    assert all(f'id="{operation["operationId"]}"' in text for _, _, operation in operations(api))
    assert api.get("/docs/style.css").headers["content-type"].startswith("text/css")
