"""What the library obstore is told for each kind of store: where to go, and who signs.

It reads the environment of the server for whatever it is not told. So with an owner's own credentials it is
told all that decides where a request goes and whose it is. Knows no request.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from pixelwire import __version__
from pixelwire.destinations.base import Misconfigured
from pixelwire.destinations.object_store.credentials import (
    AZURE_ACCOUNT,
    AZURE_CLIENT,
    AZURE_KEY,
    AZURE_SAS,
    GCS_KEY,
    S3_KEYS,
    S3_TOKEN,
    service_account,
)
from pixelwire.destinations.object_store.options import ObjectStoreOptions
from pixelwire.destinations.object_store.target import AZURE, GCS, S3
from pixelwire.destinations.object_store.trouble import THEN_RESUME

CONNECT_S: Final = 5.0  # at most, the name looked up and TLS shaken hands on included
DEFAULT_REGION: Final = "us-east-1"

# What it would take in place of a service account's key, and can not be told to leave.
_GCS_OVERRIDING: Final = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_BEARER_TOKEN",
    "SERVICE_ACCOUNT",
)

Provider = Callable[[], dict[str, Any]]


class StoreOptions(NamedTuple):
    """The class of the library's store, its `config`, and its `credential_provider`."""

    name: str
    config: dict[str, Any]
    provider: Provider | None = None


def client_options(options: ObjectStoreOptions, content_type: str) -> dict[str, Any]:
    """How connections are made. Reads the file of authorities; Misconfigured when it can not."""
    given: dict[str, Any] = {
        # With the server's credentials its environment may say where to go, too.
        "allow_http": options.server_credentials or (options.endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=min(CONNECT_S, options.timeout_s)),
        "timeout": timedelta(seconds=options.timeout_s),
        # Files are minutes apart: a connection that waits meanwhile is one that the other side has closed.
        "pool_max_idle_per_host": "0",
        "default_content_type": content_type,
        "user_agent": f"Pixelwire/{__version__}",
    }
    if options.ca_file is not None:
        try:
            given["root_certificate"] = Path(options.ca_file).read_bytes()
        except OSError as exc:
            text = f"ca_file {options.ca_file} can not be read: {exc.strerror}"
            raise Misconfigured(text, hint=f"give a PEM file, {THEN_RESUME}") from exc
    return given


def store_options(options: ObjectStoreOptions) -> StoreOptions:
    """Which store, where, and who signs."""
    return _BY_SCHEME[options.target.scheme](options)


def _s3(options: ObjectStoreOptions) -> StoreOptions:
    is_lent = options.server_credentials
    region = options.region or (None if is_lent else DEFAULT_REGION)
    endpoint = options.endpoint or (None if is_lent else _amazon(region or DEFAULT_REGION))
    config: dict[str, Any] = {
        "virtual_hosted_style_request": options.virtual_hosted_style,
        "conditional_put": "etag",
        "disable_bulk_delete": True,
        "skip_signature": False,
    }
    if region is not None:
        config["region"] = region
    if endpoint is not None:  # by this name it goes before what the environment calls it
        is_host = options.virtual_hosted_style
        config["aws_endpoint_url_s3"] = _with_bucket(endpoint, options.target.bucket) if is_host else endpoint
    if is_lent:
        return StoreOptions("S3Store", config)
    keys = _revealed(options)
    credential = {
        "access_key_id": keys[S3_KEYS[0]],
        "secret_access_key": keys[S3_KEYS[1]],
        "token": keys.get(S3_TOKEN),
        "expires_at": None,
    }
    return StoreOptions("S3Store", config | {"s3_express": False}, lambda: credential)


def _gcs(options: ObjectStoreOptions) -> StoreOptions:
    config: dict[str, Any] = {"skip_signature": False}
    if options.server_credentials:
        return StoreOptions("GCSStore", config | ({"base_url": options.endpoint} if options.endpoint else {}))
    if found := [name for name in _GCS_OVERRIDING if name in os.environ]:
        text = f"the server's environment has {found[0]}, which would take the place of {GCS_KEY}"
        raise Misconfigured(text, hint="the operator must start the server without it")
    config["base_url"] = options.endpoint or "https://storage.googleapis.com"
    account = service_account(options.credentials[GCS_KEY])
    config["service_account_key"] = msgspec.json.encode(account).decode()
    return StoreOptions("GCSStore", config)


def _azure(options: ObjectStoreOptions) -> StoreOptions:
    keys = _revealed(options)
    account = keys[AZURE_ACCOUNT]
    config: dict[str, Any] = {"account_name": account, "skip_signature": False}
    if options.server_credentials:
        return StoreOptions(
            "AzureStore", config | ({"endpoint": options.endpoint} if options.endpoint else {})
        )
    config["endpoint"] = options.endpoint or f"https://{account}.blob.core.windows.net"
    config |= {"use_emulator": False, "use_fabric_endpoint": False}
    if AZURE_KEY in keys:
        credential = {"access_key": keys[AZURE_KEY], "expires_at": None}
    elif AZURE_SAS in keys:
        credential = {"sas_token": keys[AZURE_SAS], "expires_at": None}
    else:
        config |= {name: keys[name] for name in AZURE_CLIENT}
        config |= {"credential_type": "client_secret", "authority_host": "https://login.microsoftonline.com"}
        return StoreOptions("AzureStore", config)
    return StoreOptions("AzureStore", config, lambda: credential)


_BY_SCHEME: Final[dict[str, Callable[[ObjectStoreOptions], StoreOptions]]] = {
    S3: _s3,
    GCS: _gcs,
    AZURE: _azure,
}


def _revealed(options: ObjectStoreOptions) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in options.credentials.items()}


def _amazon(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _with_bucket(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()
