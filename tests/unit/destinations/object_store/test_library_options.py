"""What the library is told."""

from typing import Any

import pytest

from pixelwire.destinations.object_store.library_options import client_options, store_options
from pixelwire.destinations.object_store.options import ObjectStoreOptions
from pixelwire.destinations.options import parse

S3 = {"url": "s3://events/raw", "credentials": {"access_key_id": "k", "secret_access_key": "s"}}
MINIO = "https://minio.example:9000/"


def told(**given: Any) -> dict[str, Any]:
    return store_options(parse(ObjectStoreOptions, S3 | given)).config


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "https://s3.cn-north-1.amazonaws.com.cn"),
        ({"virtual_hosted_style": True}, "https://events.s3.us-east-1.amazonaws.com"),
        ({"endpoint": MINIO}, MINIO),
        ({"endpoint": MINIO, "virtual_hosted_style": True}, "https://events.minio.example:9000/"),
    ],
)
def test_s3_is_told_where_to_go(given: dict[str, Any], endpoint: str) -> None:
    """Always: else the server's environment would decide."""
    assert told(**given)["aws_endpoint_url_s3"] == endpoint


def test_the_environment_is_left_to_decide_when_it_may() -> None:
    """Only with the server's own credentials; then nobody signs but it."""
    lent = parse(ObjectStoreOptions, {"url": "s3://events", "server_credentials": True})
    assert "aws_endpoint_url_s3" not in store_options(lent).config
    assert "region" not in store_options(lent).config
    assert store_options(lent).provider is None


def test_an_azure_account_by_its_client_says_which_way_it_is() -> None:
    """So that a token of the environment does not go before it."""
    client = {"account": "events1", "tenant_id": "t.example", "client_id": "c", "client_secret": "s"}
    options = parse(ObjectStoreOptions, {"url": "az://events", "credentials": client})
    config = store_options(options).config
    assert config["credential_type"] == "client_secret"
    assert config["endpoint"] == "https://events1.blob.core.windows.net"
    assert config["authority_host"] == "https://login.microsoftonline.com"
    assert {name: config[name] for name in ("tenant_id", "client_id", "client_secret")} == {
        name: client[name] for name in ("tenant_id", "client_id", "client_secret")
    }


@pytest.mark.parametrize(("endpoint", "is_plain"), [(None, False), (MINIO, False), ("http://minio", True)])
def test_only_an_http_endpoint_is_spoken_to_in_clear(endpoint: str | None, is_plain: bool) -> None:
    """A redirect from https to http is refused by the library then."""
    options = parse(ObjectStoreOptions, S3 | ({"endpoint": endpoint} if endpoint else {}))
    assert client_options(options, "text/plain")["allow_http"] is is_plain
