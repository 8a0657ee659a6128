"""Threads with their own connections, and waiting for the head."""

import asyncio
import threading
from pathlib import Path

from pixelwire.manage.desks import LONG_THREADS, SHORT_THREADS, Desk, Desks
from pixelwire.manage.head_watch import WAITERS_MAX, HeadWatch
from support.events import make_event, record


def test_each_thread_has_a_desk_of_its_own(tmp_path: Path) -> None:
    """A connection is never used by two, and their number is bounded."""
    seen: dict[int, set[str]] = {}

    def note(desk: Desk) -> None:
        seen.setdefault(id(desk), set()).add(threading.current_thread().name)

    async def main() -> None:
        desks = Desks(tmp_path)
        await asyncio.gather(*(desks.short(note) for _ in range(50)), *(desks.long(note) for _ in range(50)))
        desks.close()

    asyncio.run(main())
    assert all(len(threads) == 1 for threads in seen.values())
    assert len(seen) <= SHORT_THREADS + LONG_THREADS


def test_long_work_does_not_keep_short_work_waiting(tmp_path: Path) -> None:
    """However much of it there is."""
    release = threading.Event()

    def block(desk: Desk) -> bool:
        return release.wait(10)

    async def main() -> bool:
        desks = Desks(tmp_path)
        blocked = [asyncio.create_task(desks.long(block)) for _ in range(5)]
        await asyncio.wait_for(desks.short(lambda desk: desk.reader.head()), 5)
        is_waiting = not any(task.done() for task in blocked)
        release.set()
        await asyncio.gather(*blocked)
        desks.close()
        return is_waiting

    assert asyncio.run(main())


def test_who_waits_is_told_of_a_new_head(tmp_path: Path) -> None:
    """True when there is something new, False when the time is over."""

    async def main() -> list[bool]:
        desks = Desks(tmp_path)
        head = HeadWatch(desks)
        over = await head.beyond(0, 0.01)
        waiting = asyncio.create_task(head.beyond(0, 30))
        await asyncio.to_thread(record, tmp_path, [make_event()])
        told = await asyncio.wait_for(waiting, 10)
        await head.stop()
        after = await head.beyond(0, 30)
        desks.close()
        return [over, told, after]

    assert asyncio.run(main()) == [False, True, False]


def test_too_many_who_wait_are_answered_at_once(tmp_path: Path) -> None:
    """Their number is bounded."""

    async def main() -> bool:
        desks = Desks(tmp_path)
        head = HeadWatch(desks)
        waiting = [asyncio.create_task(head.beyond(0, 30)) for _ in range(WAITERS_MAX)]
        await asyncio.sleep(0)
        was_told = await asyncio.wait_for(head.beyond(0, 30), 5)
        await head.stop()
        await asyncio.gather(*waiting)
        desks.close()
        return was_told

    assert asyncio.run(main()) is False


def test_a_store_that_can_not_be_read_ends_the_look_and_not_the_server(tmp_path: Path) -> None:
    """Who waits goes on when the time is over; the next look starts anew."""
    (tmp_path / "events").mkdir()
    broken = tmp_path / "events" / "000001.db"
    broken.write_bytes(b"no database" * 1_000)

    async def main() -> list[bool]:
        desks = Desks(tmp_path)
        head = HeadWatch(desks)
        first = await head.beyond(0, 0.2)
        broken.unlink()
        await asyncio.to_thread(record, tmp_path, [make_event()])
        second = await asyncio.wait_for(head.beyond(0, 30), 10)
        await head.stop()
        desks.close()
        return [first, second]

    assert asyncio.run(main()) == [False, True]
