"""Which keys open which store: what must be given, and what a wrong one looks like. Knows no library."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pixelwire.destinations.base import Secret
from pixelwire.destinations.object_store.target import AZURE, FOLDER, GCS, S3, Target

S3_KEYS: Final = ("access_key_id", "secret_access_key")
S3_TOKEN: Final = "session_token"  # noqa: S105 the name of one
GCS_KEY: Final = "service_account_key"
AZURE_ACCOUNT: Final = "account"
AZURE_KEY: Final = "account_key"
AZURE_SAS: Final = "sas_token"
AZURE_CLIENT: Final = ("tenant_id", "client_id", "client_secret")

_KNOWN: Final = {
    S3: (*S3_KEYS, S3_TOKEN),
    GCS: (GCS_KEY,),
    AZURE: (AZURE_ACCOUNT, AZURE_KEY, AZURE_SAS, *AZURE_CLIENT),
    FOLDER: (),
}
_PLAIN: Final = re.compile(r"[\x21-\x7e]+")  # they become part of a header
# They become part of an address.
_IN_ADDRESSES: Final = {
    AZURE_ACCOUNT: re.compile(r"[a-z0-9]{3,24}"),
    "tenant_id": re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}"),
}


class ServiceAccount(msgspec.Struct, frozen=True):
    """What is used of a key file of Google Cloud."""

    client_email: str
    private_key: str
    private_key_id: str
    type: str = "service_account"


def credential_problems(target: Target, given: Mapping[str, Secret], *, is_lent: bool) -> list[str]:
    """What is wrong with the keys to a target, without the keys. `is_lent`: the server's are to be used."""
    known = _KNOWN[target.scheme]
    if unknown := [name for name in given if name not in known]:
        text = f"there are {', '.join(known)}" if known else "leave them out"
        return [f"{name} is none of {target.scheme}://; {text}" for name in unknown]
    if target.scheme == FOLDER:
        return []
    if is_lent:
        if set(given) - {AZURE_ACCOUNT}:
            return ["give either them or server_credentials = true, not both"]
        return [] if AZURE_ACCOUNT in given or target.scheme != AZURE else [f"{AZURE_ACCOUNT} is needed"]
    return _CHECKS[target.scheme](given) or [
        f"{name} has a character that it can not have"
        for name, secret in given.items()
        if name != GCS_KEY and not _IN_ADDRESSES.get(name, _PLAIN).fullmatch(secret.reveal())
    ]


def service_account(key: Secret) -> ServiceAccount:
    """The parts of a key file that are used: not the addresses that such a file can hold. ValueError."""
    try:
        account = msgspec.json.decode(key.reveal(), type=ServiceAccount)
    except msgspec.MsgspecError:  # its text could quote the key
        raise ValueError("is not a key file of a service account: give its whole JSON") from None
    if account.type != "service_account":
        raise ValueError("is not of a service account: make a key of the type JSON for one")
    return account


def _s3(given: Mapping[str, Any]) -> list[str]:
    missing = [name for name in S3_KEYS if name not in given]
    return [f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} needed"] if missing else []


def _gcs(given: Mapping[str, Secret]) -> list[str]:
    if GCS_KEY not in given:
        return [f"{GCS_KEY} is needed: the JSON of a service account's key file"]
    try:
        service_account(given[GCS_KEY])
    except ValueError as exc:
        return [f"{GCS_KEY} {exc}"]
    return []


def _azure(given: Mapping[str, Any]) -> list[str]:
    ways = ((AZURE_KEY,), (AZURE_SAS,), AZURE_CLIENT)
    chosen = [way for way in ways if any(name in given for name in way)]
    if AZURE_ACCOUNT not in given:
        return [f"{AZURE_ACCOUNT} is needed"]
    if len(chosen) != 1 or any(name not in given for name in chosen[0]):
        return [f"beside {AZURE_ACCOUNT} give {AZURE_KEY}, or {AZURE_SAS}, or {', '.join(AZURE_CLIENT)}"]
    return []


_CHECKS: Final[dict[str, Callable[[Mapping[str, Secret]], list[str]]]] = {S3: _s3, GCS: _gcs, AZURE: _azure}
