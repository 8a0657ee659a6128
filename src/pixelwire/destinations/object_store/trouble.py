"""What went wrong at a cloud, as errors of ours, in one place. Knows the library's errors and their texts.

Only a status and the service's own word for it are passed on: the texts themselves hold addresses, which can
hold a key, and whatever the other side wrote.
"""

import re
from typing import Final

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.object_store.target import Target
from pixelwire.errors import DestinationError

THEN_RESUME: Final = "then resume the destination"
NO_CONDITIONS: Final = "the service must know If-None-Match for puts: use one that does"

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9_.]{1,64})</Code>")
_MAY_CHANGE: Final = {408, 425, 429}
_MAY_CHANGE_BY_CODE: Final = {
    "InternalError", "OperationAborted", "OperationTimedOut", "RequestTimeout", "ServerBusy",
    "ServiceUnavailable", "SlowDown",
}  # fmt: skip
_FILE_IS_GONE: Final = {"NoSuchKey", "BlobNotFound"}
# A word in the library's text, and what it means to a person. The first one that is there is told.
_CAUSES: Final = {
    "InvalidCertificate": "its certificate is not to be trusted",
    "dns error": "its name is not known",
    "ConnectionRefused": "connection refused",
    "kind: Timeout": "no answer in time",
    "kind: Connect": "no connection",
    "kind: ": "the connection broke",
}


def translate(exc: Exception, target: Target, key: str, *, is_lent: bool = False) -> DestinationError:
    """An error of the library as ours; a key of "" stands for the store itself.

    `is_lent`: the server's own credentials were used. What is none of the library's errors is raised.
    """
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    place = f"{target.noun} {target.name}" + (f", {key}" if key else "")
    if isinstance(exc, DestinationError):
        return exc
    if isinstance(exc, TimeoutError):
        return Unreachable(f"{place}: no answer in time")
    if not isinstance(exc, BaseError | OSError | ValueError):
        raise exc
    status, code = _answer(exc)
    answered = " ".join(filter(None, [str(status or ""), code]))
    if isinstance(exc, PermissionDeniedError | UnauthenticatedError):
        return _locked_out(place, answered, code)
    if isinstance(exc, FileNotFoundError):
        if code in _FILE_IS_GONE:
            return Unreachable(f"{place}: the file was there a moment ago and is gone")
        hint = f"create the {target.noun} or correct url and region, {THEN_RESUME}"
        return Misconfigured(f"{place}: there is no such {target.noun} ({answered})", hint=hint)
    if status is not None:
        return _by_status(status, code, f"{place}: answered {answered}")
    if not key:
        hint = f"correct credentials, ca_file and endpoint, {THEN_RESUME}"
        return Misconfigured(f"{place}: the options can not be used", hint=hint)
    return _without_answer(str(exc), place, is_lent=is_lent)


def _answer(exc: Exception) -> tuple[int | None, str]:
    """The status of an answer, if there was one, and the service's word for what is wrong."""
    text = str(exc)
    status = _STATUS.search(text)
    code = _CODE.search(text) if status else None
    return int(status[1]) if status else None, code[1] if code else ""


def _locked_out(place: str, answered: str, code: str) -> Misconfigured:
    if code == "RequestTimeTooSkewed":
        hint = f"set the server's clock, {THEN_RESUME}"
    elif code in ("AccessDenied", "AuthorizationPermissionMismatch", ""):
        hint = f"look at its name, allow these credentials to put and to get files there, {THEN_RESUME}"
    else:
        hint = f"correct the credentials, {THEN_RESUME}"
    return Misconfigured(f"{place}: access was refused ({answered})", hint=hint)


def _by_status(status: int, code: str, text: str) -> DestinationError:
    if status in _MAY_CHANGE or code in _MAY_CHANGE_BY_CODE or (status >= 500 and status != 501):
        return Unreachable(text)
    if status == 501:
        return Misconfigured(text, hint=NO_CONDITIONS)
    if status < 400:
        return Misconfigured(text, hint=f"correct region and endpoint, {THEN_RESUME}")
    return Misconfigured(text, hint=f"correct url, region, endpoint and credentials, {THEN_RESUME}")


def _without_answer(text: str, place: str, *, is_lent: bool) -> DestinationError:
    if "without LOCATION" in text:
        return Misconfigured(f"{place}: it lies in another region", hint=f"correct region, {THEN_RESUME}")
    if "ETag Header missing" in text:
        hint = f"correct endpoint, {THEN_RESUME}"
        return Misconfigured(f"{place}: the answer is not that of an object store", hint=hint)
    cause = next((words for mark, words in _CAUSES.items() if mark in text), "the request failed")
    hint = "or this machine has no credentials to lend" if is_lent else ""
    return Unreachable(f"{place}: {cause}", hint=hint)
