"""What one writes in an afternoon: FastAPI, and one insert into SQLite for each request, synced to the disk.

As a pixel of ours it answers the image after its event is safe; parameters are kept as they come.
"""

import json
import os
import sqlite3
import time

from fastapi import FastAPI, Request, Response

from pixelwire.collect.answers import GIF

app = FastAPI()
connection = sqlite3.connect(os.environ["PLAIN_DATABASE"], isolation_level=None)
connection.execute("PRAGMA busy_timeout = 5000")
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute(
    "CREATE TABLE IF NOT EXISTS event"
    " (id INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL, call TEXT NOT NULL, payload TEXT NOT NULL)"
)


@app.get("/pixel/v1/{call}")
async def pixel(call: str, request: Request) -> Response:
    connection.execute(
        "INSERT INTO event (received_ms, call, payload) VALUES (?, ?, ?)",
        (time.time_ns() // 1_000_000, call, json.dumps(dict(request.query_params))),
    )
    return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})
