"""A recorder that keeps nothing: it reads the frames of the workers and says of each batch that it is stored.

    python forgetful_recorder.py SOCKET

It is there to be measured against the one that keeps events, and ends when its parent does.
"""

import os
import selectors
import socket
import sys
import threading

from pixelwire.frames import ABSENT, STORED, Ack, Batch, Deframer, Hello, Welcome, decode_to_recorder, encode

RECEIVE_BYTES = 1_048_576


def main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    selector = selectors.DefaultSelector()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ, Deframer())
            elif not _answer(key.fileobj, key.data):
                selector.unregister(key.fileobj)


def _answer(connection: socket.socket, deframer: Deframer) -> bool:
    """False when the worker is gone."""
    data = connection.recv(RECEIVE_BYTES)
    for body in deframer.feed(data):
        message = decode_to_recorder(body)
        if isinstance(message, Hello):
            connection.sendall(encode(Welcome(ABSENT, [])))
        elif isinstance(message, Batch):
            connection.sendall(encode(Ack(message.number, STORED, [])))
    return bool(data)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


if __name__ == "__main__":
    main()
