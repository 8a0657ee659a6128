"""What is sent to clouds that are not here, and what becomes of their answers: a listener takes the requests.

It proves where they go, who signs them and that they ask for no replacement; not that a cloud takes them.
"""

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Batch, Destination, Misconfigured, Sent, Surroundings, Unreachable
from pixelwire.destinations.object_store.cloud import Cloud
from pixelwire.destinations.object_store.options import ObjectStoreOptions
from pixelwire.destinations.object_store.store import TooLarge
from pixelwire.destinations.options import parse
from pixelwire.testing.check_destination import make_item
from support.object_stores import StandIn
from support.recipes import program
from support.seaweed import HOST, WRITER, SeaweedServer, lines
from support.tls import localhost_by_authority

S3_KEYS = {"access_key_id": "OWNERS", "secret_access_key": "hunter2-hunter2"}
AZURE_KEY = "aHVudGVyMi1odW50ZXIy"  # base64
SAS = "sv=2024-11-04&sr=c&sig=hunter2%2Fhunter2%3D"
OK = '200 OK\r\nETag: "1"\r\nx-goog-generation: 1\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT'
# What a machine at a cloud may have: none of it is an owner's.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "SERVERS",
    "AWS_SECRET_ACCESS_KEY": "servers-secret",
    "AWS_SESSION_TOKEN": "servers-token",
    "AWS_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_PROXY_URL": "http://127.0.0.1:1",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    "AWS_S3_EXPRESS": "true",
    "GOOGLE_SERVICE_ACCOUNT_KEY": "{}",
    "GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file.json",
    "GOOGLE_BASE_URL": "http://127.0.0.1:1",
    "GOOGLE_SKIP_SIGNATURE": "true",
    "GOOGLE_PROXY_URL": "http://127.0.0.1:1",
    "AZURE_STORAGE_ACCOUNT_NAME": "servers",
    "AZURE_STORAGE_ACCOUNT_KEY": "c2VydmVycy1zZWNyZXQ=",
    "AZURE_STORAGE_SAS_KEY": "sig=servers-secret",
    "AZURE_STORAGE_TOKEN": "servers-token",
    "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1",
    "AZURE_STORAGE_USE_EMULATOR": "true",
    "AZURE_SKIP_SIGNATURE": "true",
    "AZURE_CREDENTIAL_TYPE": "bearer_token",
}


def use_with(
    listener: StandIn, options: dict[str, Any], use: Callable[[Destination], Awaitable[None]]
) -> None:
    """Runs `use` with a destination whose endpoint is the listener."""

    async def run() -> None:
        await listener.start()
        given = {
            "endpoint": f"http://{HOST}:{listener.port}",
            "timeout_s": 2,
            "allow_private_addresses": True,
        }
        built, _ = registry.build("object_store", given | options, Surroundings(SystemClock()))
        try:
            await built.open()
            await use(built)
        finally:
            await built.close()
            await listener.stop()

    asyncio.run(run())


def head_of_put(options: dict[str, Any]) -> str:
    """The head of the request that a send makes, its names in small letters."""
    listener = StandIn(OK)

    async def send(destination: Destination) -> None:
        assert (await destination.send(Batch([make_item(1)]))).results == [Sent()]

    use_with(listener, options, send)
    [head] = listener.heads
    assert head.startswith("PUT ")
    assert "servers" not in head.lower()
    return head


@pytest.fixture(scope="module")
def service_account() -> str:
    """A key file as Google Cloud makes it, with a key of nobody."""
    made = subprocess.run([program("openssl", "openssl"), "genrsa", "2048"], capture_output=True, check=True)
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": made.stdout.decode(),
        "client_email": "pixelwire@shop.example",
        "token_uri": "https://oauth2.googleapis.com/token",
        "gcs_base_url": "http://127.0.0.1:1",
        "disable_oauth": True,
    }
    return json.dumps(account)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


# -- Who signs, and where it goes ------------------------------------------------------------------------


@pytest.mark.usefixtures("environment")
def test_s3_signs_as_the_owner() -> None:
    """Whatever the server's environment has; a file that is there is not replaced."""
    head = head_of_put({"url": "s3://events/raw", "credentials": S3_KEYS, "region": "eu-central-1"})
    assert head.startswith("PUT /events/raw/rudder-logs/")
    assert "Credential=OWNERS/" in head
    assert "/eu-central-1/s3/" in head
    assert "if-none-match: *" in head
    assert "x-amz-security-token" not in head


@pytest.mark.usefixtures("environment")
def test_a_session_token_is_sent_with_its_key() -> None:
    """The owner's, when there is one."""
    keys = S3_KEYS | {"session_token": "owners-token"}
    assert "x-amz-security-token: owners-token" in head_of_put({"url": "s3://events", "credentials": keys})


def test_a_real_service_takes_what_the_owner_signs(
    seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an environment that would sign otherwise, and lead elsewhere."""

    async def run() -> None:
        options = {
            "url": "s3://events/environment",
            "endpoint": seaweed.endpoint,
            "credentials": seaweed.credentials(WRITER),
            "allow_private_addresses": True,
        }
        built, _ = registry.build("object_store", options, Surroundings(SystemClock()))
        await built.open()
        await built.check()
        await built.send(Batch([make_item(1)]))
        await built.close()

    with monkeypatch.context() as poisoned:
        for name, value in ENVIRONMENT.items():
            poisoned.setenv(name, value)
        asyncio.run(run())
    [content] = seaweed.files("environment").values()
    assert [line["messageId"] for line in lines(content)] == ["message-1"]


def test_the_servers_credentials_are_used_when_its_operator_says_so(
    seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment, the endpoint too."""
    keys = seaweed.credentials(WRITER)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["secret_access_key"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweed.endpoint)

    async def run() -> None:
        options = {"url": "s3://events/lent", "server_credentials": True, "allow_private_addresses": True}
        built, _ = registry.build("object_store", options, Surroundings(SystemClock()))
        await built.open()
        await built.check()
        await built.close()

    asyncio.run(run())


@pytest.mark.usefixtures("environment")
def test_google_is_sent_a_token_of_the_owner(service_account: str) -> None:
    """Made from the key, not from what else a key file can say; a file that is there is not replaced."""
    head = head_of_put({"url": "gs://events/raw", "credentials": {"service_account_key": service_account}})
    assert head.startswith("PUT /events/raw")
    assert "authorization: Bearer eyJ" in head
    assert "x-goog-if-generation-match: 0" in head


def test_an_environment_that_would_sign_for_the_owner_is_refused(
    service_account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library can not be told to leave this one."""
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "servers-token")
    with pytest.raises(Misconfigured, match="environment has GOOGLE_BEARER_TOKEN"):
        head_of_put({"url": "gs://events", "credentials": {"service_account_key": service_account}})


def test_a_key_that_is_none_is_told() -> None:
    """Without showing it."""
    account = {"client_email": "a@b.example", "private_key": "hunter2", "private_key_id": "1"}
    with pytest.raises(Misconfigured, match=r"options can not be used .*correct credentials") as raised:
        head_of_put({"url": "gs://events", "credentials": {"service_account_key": json.dumps(account)}})
    assert "hunter2" not in str(raised.value)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("keys", "signature"),
    [
        ({"account_key": AZURE_KEY}, "authorization: SharedKey owners:"),
        ({"sas_token": SAS}, "sig=hunter2%2Fhunter2%3D"),
    ],
)
def test_azure_is_asked_as_the_owner(keys: dict[str, str], signature: str) -> None:
    """By key or by signature; a file that is there is not replaced."""
    head = head_of_put({"url": "az://events/raw", "credentials": {"account": "owners", **keys}})
    assert "/events/raw/rudder-logs/" in head
    assert signature in head
    assert "if-none-match: *" in head
    assert "x-ms-blob-type: BlockBlob" in head


# -- What answers mean -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        ("503 Slow Down", "SlowDown", Unreachable, "answered 503 SlowDown"),
        ("500 Internal Server Error", "", Unreachable, "answered 500"),
        ("429 Too Many Requests", "", Unreachable, "answered 429"),
        ("400 Bad Request", "RequestTimeout", Unreachable, "answered 400 RequestTimeout"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", Misconfigured, "correct url, region, endpoint"),
        ("400 Bad Request", "ExpiredToken", Misconfigured, "400 ExpiredToken"),
        ("401 Unauthorized", "", Misconfigured, "access was refused"),
        ("403 Forbidden", "RequestTimeTooSkewed", Misconfigured, "set the server's clock"),
        ("403 Forbidden", "ExpiredToken", Misconfigured, "correct the credentials"),
        ("404 Not Found", "NoSuchBucket", Misconfigured, "there is no such bucket"),
        ("404 Not Found", "", Misconfigured, "there is no such bucket"),
        ("301 Moved Permanently", "", Misconfigured, "another region"),
        (
            "307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/",
            "",
            Misconfigured,
            "correct region and endpoint",
        ),
        ("501 Not Implemented", "NotImplemented", Misconfigured, "must know If-None-Match"),
        ("200 OK", "", Misconfigured, "not that of an object store"),
    ],
)
def test_an_answer_is_temporary_or_its_owners_to_mend(
    status: str, code: str, kind: type[Exception], words: str
) -> None:
    """By its status and by the service's own word; no secret and no address is told."""

    async def use(destination: Destination) -> None:
        with pytest.raises(kind, match=words) as raised:
            await destination.send(Batch([make_item(1)]))
        assert "hunter2" not in str(raised.value)
        assert "http" not in str(raised.value)
        assert "\n" not in str(raised.value)

    use_with(StandIn(status, code), {"url": "s3://events/raw", "credentials": S3_KEYS}, use)


def test_a_store_that_replaces_files_is_found_out() -> None:
    """By the check: the second put of a name must be refused."""

    async def use(destination: Destination) -> None:
        with pytest.raises(Misconfigured, match=r"a file was replaced .*If-None-Match"):
            await destination.check()

    use_with(StandIn(OK), {"url": "s3://events", "credentials": S3_KEYS}, use)


def over_tls(status: str, options: dict[str, Any], tls: ssl.SSLContext) -> tuple[int, str]:
    """How many requests came when `localhost` answers a send with the status; and the error, if any."""

    async def run() -> tuple[int, str]:
        listener = await StandIn(status).start(tls=tls)
        given = {
            "url": "s3://events",
            "credentials": S3_KEYS,
            "allow_private_addresses": True,
            "timeout_s": 2,
        }
        endpoint = {"endpoint": f"https://localhost:{listener.port}"}
        built, _ = registry.build("object_store", given | endpoint | options, Surroundings(SystemClock()))
        error = ""
        try:
            await built.open()
            await built.send(Batch([make_item(1)]))
        except (Unreachable, Misconfigured) as exc:
            error = str(exc)
        finally:
            await built.close()
            await listener.stop()
        return len(listener.heads), error

    return asyncio.run(run())


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    """Against the system's authorities and those of `ca_file`."""
    authority, tls = localhost_by_authority(tmp_path)
    assert over_tls(OK, {"ca_file": str(authority)}, tls) == (1, "")
    requests, error = over_tls(OK, {}, tls)
    assert requests == 0
    assert "its certificate is not to be trusted" in error


def test_a_redirect_does_not_lead_out_of_tls(tmp_path: Path) -> None:
    """Whoever answers can not have a request made in clear, to wherever they like."""
    authority, tls = localhost_by_authority(tmp_path)
    listener = StandIn(OK)

    async def run() -> tuple[int, str]:
        await listener.start()
        away = f"302 Found\r\nLocation: http://{HOST}:{listener.port}/metadata"
        try:
            return await asyncio.to_thread(over_tls, away, {"ca_file": str(authority)}, tls)
        finally:
            await listener.stop()

    requests, error = asyncio.run(run())
    assert (requests, listener.heads) == (1, [])
    assert error


def test_a_check_needs_no_right_to_delete() -> None:
    """A send deletes nothing: the empty file stays, and the check has passed."""
    listener = StandIn("403 Forbidden", first=[OK, "412 Precondition Failed", OK])

    async def use(destination: Destination) -> None:
        await destination.check()

    use_with(listener, {"url": "s3://events", "credentials": S3_KEYS}, use)
    assert [head.split()[0] for head in listener.heads] == ["PUT", "PUT", "GET", "DELETE"]


def test_what_is_too_large_is_not_read(seaweed: SeaweedServer) -> None:
    """A file that is not ours takes no memory."""
    options = {
        "url": "s3://events/large",
        "endpoint": seaweed.endpoint,
        "credentials": seaweed.credentials(WRITER),
    }

    async def run() -> None:
        cloud = await Cloud.open(parse(ObjectStoreOptions, options), "text/plain", None)
        assert await cloud.create("file", bytes(101))
        assert await cloud.read("file", 101) == bytes(101)
        with pytest.raises(TooLarge):
            await cloud.read("file", 100)

    asyncio.run(run())


@pytest.mark.parametrize("gone", [True, False])
def test_who_is_not_there_is_unreachable(gone: bool) -> None:
    """By name or by port."""

    async def use(destination: Destination) -> None:
        with pytest.raises(Unreachable, match="connection refused" if gone else "its name is not known"):
            await destination.send(Batch([make_item(1)]))

    with socket.socket() as unheard:
        unheard.bind((HOST, 0))
        endpoint = f"http://{HOST}:{unheard.getsockname()[1]}" if gone else "http://no-such-host.invalid"
        use_with(StandIn(OK), {"url": "s3://events", "credentials": S3_KEYS, "endpoint": endpoint}, use)


def test_a_file_of_authorities_must_be_one() -> None:
    """Not there, or something else."""
    for path, words in (
        ("/no/such.pem", "ca_file /no/such.pem can not be read"),
        (__file__, "can not be used"),
    ):
        with pytest.raises(Misconfigured, match=words):
            head_of_put({"url": "s3://events", "credentials": S3_KEYS, "ca_file": path})
