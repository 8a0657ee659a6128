"""Answers as bytes. Knows no route."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


def encoded(value: Any) -> msgspec.Raw:
    """A part of an answer, to be put in as it is."""
    return msgspec.Raw(_encoder.encode(value))


def json_answer(
    value: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Members in the order in which the value has them."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")


def ndjson_answer(values: list[Any], headers: Mapping[str, str]) -> Response:
    """One value a line."""
    return Response(_encoder.encode_lines(values), headers=headers, media_type="application/x-ndjson")


def empty_answer() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
