"""A worker process in which requests go straight from granian to the app: no task, no coroutine and no
future for each, which together cost more than making the event. Knows granian's inside and the app's door.

Granian's own way, a task for each request over ASGI, is what the app's `__call__` serves; it does the same.
"""

import asyncio
from functools import partial
from typing import Any, Final, Protocol, Self

from granian._granian import ASGIWorker, CallbackScheduler
from granian._signals import set_loop_signals
from granian.asgi import LifespanProtocol
from granian.server.common import WORKERS_METHODS
from granian.server.mp import WorkerProcess

from pixelwire.collect.answers import Answer
from pixelwire.collect.app import PixelApp, Waiting
from pixelwire.collect.fate import BatchResult
from pixelwire.collect.worker import Worker

# What granian says of their types is behind what they take.
_HttpServer: Final[Any] = ASGIWorker
_Lifespan: Final[Any] = LifespanProtocol
_take_signals: Final[Any] = set_loop_signals


class Watcher(Protocol):
    """A request as granian hands it over; answered by `done` after the messages, or by `err`."""

    scope: dict[str, Any]
    proto: Any

    def done(self) -> None: ...
    def err(self, error: BaseException | None) -> None: ...


class DirectScheduler(CallbackScheduler):
    """Called on granian's thread for each request; the app works on the event loop's."""

    def __new__(cls, loop: asyncio.AbstractEventLoop, app: PixelApp) -> Self:
        return super().__new__(cls, loop, None, None, None, None)  # type: ignore[call-arg] # not in the stub

    def __init__(self, loop: asyncio.AbstractEventLoop, app: PixelApp) -> None:
        super().__init__()
        context = self._ctx

        def schedule(watcher: Watcher) -> None:
            loop.call_soon_threadsafe(answer, app, watcher, context=context)

        # A function of Python's and not a partial: within one the interpreter lets the event loop's thread
        # have its turn, without it some requests wait for 80 ms.
        self._schedule_fn = schedule


def answer(app: PixelApp, watcher: Watcher) -> None:
    """Answers at once, or as soon as it is known what became of the event."""
    try:
        taken = app.take(watcher.scope)
        if isinstance(taken, Answer):
            _send(watcher, taken)
        else:
            taken.fate.then(partial(_finish, watcher, taken))
    except Exception as error:  # noqa: BLE001 a bug costs this request: granian tells it and answers 500
        watcher.err(error)


def _finish(watcher: Watcher, waiting: Waiting, result: BatchResult) -> None:
    try:
        _send(watcher, waiting.answer(result))
    except Exception as error:  # noqa: BLE001 as above; the others of the batch must have their answer
        watcher.err(error)


def _send(watcher: Watcher, answer: Answer) -> None:
    """Granian takes each message when it is given; what it returns is there for those who want to wait."""
    send = watcher.proto.send
    send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    send({"type": "http.response.body", "body": answer.body})
    watcher.done()


@WorkerProcess.wrap_target  # type: ignore[untyped-decorator] # granian's
def serve_directly(
    worker_id: int,
    worker: Worker,
    sock: Any,
    ipc: Any,
    loop: asyncio.AbstractEventLoop,
    runtime_mode: Any,
    runtime_threads: int,
    runtime_blocking_threads: int | None,
    blocking_threads: int,
    blocking_threads_idle_timeout: int,
    backpressure: int,
    task_impl: Any,
    http_mode: Any,
    *settings: Any,
) -> None:
    """The body of a worker process: granian's own for ASGI with its lifespan, but for the scheduler."""
    lifespan = _Lifespan(worker)
    shutdown = _take_signals(loop)
    ending = asyncio.Event()
    shutdown.add_cb(lambda: loop.call_soon_threadsafe(ending.set))
    loop.run_until_complete(lifespan.startup())
    if lifespan.interrupt:
        raise SystemExit(1)
    http1, http2, websockets, static_path, _, tls, _, metrics = settings
    server = _HttpServer(
        worker_id,
        sock,
        ipc,
        runtime_threads,
        runtime_blocking_threads,
        blocking_threads,
        blocking_threads_idle_timeout,
        backpressure,
        http_mode,
        http1,
        http2,
        websockets,
        static_path,
        *tls,
        metrics,
    )
    serve = getattr(server, WORKERS_METHODS[runtime_mode][(sock[0] or sock[1]).is_uds()])
    serve(DirectScheduler(loop, worker.app), loop, shutdown)
    loop.run_until_complete(ending.wait())
    loop.run_until_complete(lifespan.shutdown())
