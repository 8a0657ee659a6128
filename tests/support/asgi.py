"""The real management app over a real data directory, called without a socket."""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlencode

from pixelwire.catalog.store import Catalog
from pixelwire.clock import Clock
from pixelwire.manage.app import build_app
from pixelwire.manage.options import ManageOptions

NOW_MS = 1_769_144_167_089  # 2026-01-23T04:56:07.089Z


class StillClock:
    """A wall clock that stands."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1_000


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[str]:
        """Of an error."""
        told: list[str] = self.json()["messages"]
        return told

    @property
    def fields(self) -> list[str]:
        """Those that an error names, in order."""
        return [message.partition(":")[0] for message in self.messages]


class Api:
    """`with Api(tmp_path) as api: api.get("/...")`; asks with an admin token of the server at first."""

    def __init__(self, data_dir: Path, *, clock: Clock | None = None, **options: Any) -> None:
        self.data_dir = data_dir
        self.catalog = Catalog.open(data_dir)
        self.token: str | None = self.catalog.create_token("test", None, "admin").token
        settings = {"socket_fd": -1, "public_url": "http://pixels.test", "manage_url": "http://manage.test"}
        self.app = build_app(
            ManageOptions(data_dir=str(data_dir), **(settings | options)), clock or StillClock()
        )
        self._runner = asyncio.Runner()
        self._life = self.app.router.lifespan_context(self.app)

    def __enter__(self) -> Self:
        self.run(self._life.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._life.__aexit__(None, None, None))
        self._runner.close()
        self.catalog.close()

    def run(self, work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        return self._runner.run(main())

    def use_token(self, role: str, business: str | None = None) -> None:
        """From now on ask with a new token of this role."""
        self.token = self.catalog.create_token(role, business, role).token

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.call("POST", path, body=body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body=body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def call(self, method: str, path: str, **rest: Any) -> Answer:
        answer: Answer = self.run(self.ask(method, path, **rest))
        return answer

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        chunks: Iterable[bytes] | None = None,
    ) -> Answer:
        """A body that is no bytes goes out as JSON; `chunks` go out as they are, without a length."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if chunks is None:
            given["Content-Length"] = str(len(raw))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": urlencode(query or {}).encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {**given, **(headers or {})}.items()
            ],
            "client": ("192.0.2.1", 50_000),
            "server": ("manage.test", 80),
        }
        exchange = _Exchange(list(chunks) if chunks is not None else [raw])
        await self.app(scope, exchange.receive, exchange.send)
        return exchange.answer()


class _Exchange:
    """One request's messages; the client stays until it has its answer."""

    def __init__(self, body: list[bytes]) -> None:
        self._body = body
        self._sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(0), "more_body": bool(self._body)}
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(self, message: Any) -> None:
        self._sent.append(message)

    def answer(self) -> Answer:
        start, *rest = self._sent
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in rest))
