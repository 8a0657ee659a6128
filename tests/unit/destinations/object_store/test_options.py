"""What an owner may say about an object store."""

import json
from typing import Any

import pytest

from pixelwire.destinations import registry
from pixelwire.errors import InvalidFields

S3 = {"access_key_id": "key", "secret_access_key": "hunter2"}
ACCOUNT = {
    "client_email": "a@b.example",
    "private_key": "hunter2",
    "private_key_id": "1",
    "type": "service_account",
}
GCS = {"service_account_key": json.dumps(ACCOUNT)}
AZURE = {"account": "events1"}
CLIENT = {"tenant_id": "t.example", "client_id": "c", "client_secret": "hunter2"}


def problems_of(**given: Any) -> list[str]:
    try:
        registry.validate("object_store", given)
    except InvalidFields as exc:
        return exc.problems
    return []


@pytest.mark.parametrize(
    "given",
    [
        {"url": "s3://events", "credentials": S3},
        {"url": "s3://events", "credentials": {**S3, "session_token": "t"}, "region": "eu-central-1"},
        {"url": "s3://events", "server_credentials": True},
        {"url": "gs://events", "credentials": GCS, "endpoint": "https://gcs.example"},
        {"url": "az://events", "credentials": {**AZURE, "account_key": "a2V5"}},
        {"url": "az://events", "credentials": {**AZURE, "sas_token": "sv=2024&sig=x"}},
        {"url": "az://events", "credentials": {**AZURE, **CLIENT}},
        {"url": "az://events", "credentials": AZURE, "server_credentials": True},
        {"url": "file:///srv/events"},
    ],
)
def test_every_store_has_its_credentials(given: dict[str, Any]) -> None:
    """In each of the ways that it knows."""
    assert problems_of(**given) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "ftp://events"}, "url: must be one of"),
        ({"url": "s3://events"}, "access_key_id and secret_access_key are needed"),
        ({"url": "s3://events", "credentials": {"access_key_id": "k"}}, "secret_access_key is needed"),
        ({"url": "s3://events", "credentials": AZURE}, "account is none of s3://; there are access_key_id"),
        ({"url": "s3://events", "credentials": S3, "server_credentials": True}, "not both"),
        (
            {"url": "s3://events", "credentials": {**S3, "session_token": "a\nb"}},
            "session_token has a character",
        ),
        ({"url": "s3://events", "credentials": S3, "region": "eu/../x"}, "region: is not the name"),
        ({"url": "s3://events", "credentials": S3, "endpoint": "minio"}, "endpoint: must begin"),
        ({"url": "gs://events"}, "service_account_key is needed"),
        ({"url": "gs://events", "credentials": {"service_account_key": "{}"}}, "is not a key file"),
        (
            {"url": "gs://events", "credentials": {"service_account_key": "/etc/key.json"}},
            "is not a key file",
        ),
        (
            {
                "url": "gs://events",
                "credentials": {"service_account_key": json.dumps({**ACCOUNT, "type": "external_account"})},
            },
            "is not of a service account",
        ),
        ({"url": "gs://events", "credentials": GCS, "region": "eu"}, "region: is for s3:// only"),
        ({"url": "az://events", "credentials": {"account_key": "k"}}, "account is needed"),
        ({"url": "az://events", "server_credentials": True}, "account is needed"),
        ({"url": "az://events", "credentials": AZURE}, "beside account give"),
        (
            {"url": "az://events", "credentials": {**AZURE, "account_key": "k", "sas_token": "s"}},
            "beside account",
        ),
        ({"url": "az://events", "credentials": {**AZURE, "client_id": "c"}}, "beside account give"),
        (
            {"url": "az://events", "credentials": {"account": "evil.example/", "account_key": "k"}},
            "account has a character",
        ),
        (
            {"url": "az://events", "credentials": {**AZURE, **CLIENT, "tenant_id": "../x"}},
            "tenant_id has a character",
        ),
        ({"url": "file:///srv", "credentials": S3}, "leave them out"),
        ({"url": "file:///srv", "endpoint": "https://x.example"}, "endpoint: is of no use"),
        ({"url": "file:///srv", "server_credentials": True}, "server_credentials: is of no use"),
        ({"url": "s3://events", "credentials": S3, "file_age_s": 0}, "file_age_s"),
        ({"url": "s3://events", "credentials": S3, "format": "csv"}, "format"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], words: str) -> None:
    """By option and remedy, and without a secret."""
    found = problems_of(**given)
    assert any(words in problem for problem in found), found
    assert "hunter2" not in str(found)


def test_what_reaches_the_server_is_its_operators() -> None:
    """Its folders, its credentials, its files of authorities, its network."""
    reach = {
        "url": "s3://events",
        "server_credentials": True,
        "ca_file": "/x",
        "allow_private_addresses": True,
    }
    assert registry.operator_only("object_store", reach) == [
        "server_credentials",
        "ca_file",
        "allow_private_addresses",
    ]
    assert registry.operator_only("object_store", {"url": "file:///srv/events"}) == ["url"]
    assert registry.operator_only("object_store", {"url": "s3://events", "credentials": S3}) == []


def test_files_are_closed_by_size_count_or_age() -> None:
    """The engine is told so, and that a batch keeps the order."""
    spec = registry.spec("object_store")
    limits = spec.batch_limits(spec.options(url="file:///srv", file_events_max=5, file_age_s=2.0))
    assert (limits.events_max, limits.bytes_max, limits.linger_s) == (5, 16 * 1_048_576, 2.0)
    assert limits.concurrency == 1
    assert limits.keeps_order
