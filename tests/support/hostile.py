"""Hostile input, the same for the same seed: the contract's cases mutated byte by byte in requests that the
HTTP server lets through, with as much oddness as it bears; and bytes that are hardly HTTP at all.
"""

import json
import random
from pathlib import Path
from typing import NamedTuple

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "pixel.json").read_text())["cases"]

# What the HTTP server takes in a target and in a header's value; for all else it answers 400 itself.
TARGET_BYTES = bytes(range(0x21, 0x7F)).translate(None, b'"<>#')
VALUE_BYTES = bytes(byte for byte in range(0x20, 0x100) if byte != 0x7F)
HEADERS_MAX = 90

PIECES = (
    *(
        b"&",
        b"=",
        b"%",
        b"%00",
        b"%FF",
        b"%C3%28",
        b"%ED%A0%80",
        b"%F0%9F%92%A9",
        b"%u0041",
        b"%",
        b"+",
        b";",
    ),
    *(
        b".",
        b"..",
        b"...",
        b"\\",
        b"\\.",
        b":",
        b".:0",
        b".-1",
        b".0",
        b".255",
        b".256",
        b".99999999999999999999",
    ),
    *(
        b"a.0.b=1",
        b"&a.-1=x",
        b"&a*=1",
        b"&a|b=2",
        b"&messageId=",
        b"&messageId=%E2%80%8B",
        b"&userId=%22%22",
    ),
    *(b"&anonymousId=", b"&context=x", b"&context.page=y", b"&properties.0=z", b"&integrations.All=false"),
    *(
        b"&type=identify",
        b"&receivedAt=0",
        b"&__proto__.x=1",
        b"&_pw_x=1",
        b"&event=%00",
        b"&=",
        b"&&&&",
        b"=",
    ),
    *(
        b"' OR 1=1 --",
        b"$(id)",
        b"{{user.id}}",
        b"../../etc/passwd",
        b"%0d%0aSet-Cookie:a=b",
        b"\\u0000",
        b"[]",
    ),
)
NAMES = (
    *(b"Accept", b"Accept-Language", b"User-Agent", b"Referer", b"Origin", b"X-Forwarded-For", b"Forwarded"),
    *(b"Sec-Fetch-Dest", b"Sec-GPC", b"DNT", b"Via", b"Cookie", b"Sec-CH-UA", b"Purpose", b"X-Moz", b"Range"),
    *(
        b"If-None-Match",
        b"Access-Control-Request-Headers",
        b"Authorization",
        b"Accept-Encoding",
        b"TE",
        b"Host",
    ),
)
VALUES = (
    *(
        b"*/*",
        b"image/*;q=0",
        b"image/",
        b",",
        b",,,,",
        b";",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"\xe2\x80\x8b",
        b"1",
        b"0",
    ),
    *(
        b"image",
        b"document",
        b"null",
        b"https://shop.example",
        b"unknown",
        b"[::1",
        b"[::1]:99999",
        b"1.2.3.4.5",
    ),
    *(
        b"127.0.0.1, 127.0.0.1",
        b'for="[2001:db8::1]"',
        b"curl/8",
        b"a" * 3_000,
        b"de;q=x, ;;, -",
        b"bytes=0-0",
    ),
)
METHODS = (b"HEAD", b"OPTIONS", b"POST", b"PUT", b"DELETE", b"TRACE", b"get", b"PATCH", b"!", b"X" * 20)
PATHS = (
    *(
        b"/",
        b"/robots.txt",
        b"/pixel/v1/identify",
        b"/pixel/v1/page/",
        b"//pixel/v1/page",
        b"/pixel/v1/p%61ge",
    ),
    *(
        b"/%00",
        b"/%ff",
        b"/../pixel/v1/page",
        b"/pixel/v1/page;a=b",
        b"/" + b"a" * 9_000,
        b"/metrics",
        b"/ads/v3",
    ),
)


class Shot(NamedTuple):
    """A request with a head that holds together, and what kind of answer it will have."""

    data: bytes
    has_body: bool  # of the answer


class Hostile:
    def __init__(self, seed: str, write_key: str) -> None:
        self._random = random.Random(seed)
        self._key = write_key.encode()
        self._number = 0
        self._unique = f"{self._random.getrandbits(64):x}"

    def shot(self) -> Shot:
        """One that leaves the connection as it was, so that many can follow each other."""
        chance = self._random.random()
        method = self._random.choice(METHODS) if chance < 0.06 else b"GET"
        route, query, given = self._case()
        path = self._random.choice(PATHS) if 0.06 < chance < 0.09 else b"/pixel/v1/" + route
        if self._random.random() < 0.01:
            query += b"&x=" + self._bytes(TARGET_BYTES, self._random.choice((20_000, 32_768, 50_000)))
        lines = [b"Host: pixels.example", *given]
        if chance > 0.5:
            lines += [self._header() for _ in range(self._random.choice((1, 1, 2, 3, 5, HEADERS_MAX)))]
        head = b"\r\n".join([method + b" " + path + b"?" + query + b" HTTP/1.1", *lines])
        return Shot(head + b"\r\n\r\n", method != b"HEAD")

    def wreck(self) -> bytes:
        """Bytes after which nothing can be said of the connection."""
        choose = self._random.choice
        good = self.shot().data
        kind = self._random.randrange(12)
        if kind == 0:  # half a request
            return good[: self._random.randrange(len(good))]
        if kind == 1:  # any byte anywhere
            return self._mutated(good, bytes(range(256)), self._random.randrange(1, 8))
        if kind == 2:
            return self._random.randbytes(choice_of_size(self._random))
        if kind == 3:  # a bomb of headers
            lines = b"".join(b"a%d: b\r\n" % number for number in range(choose((99, 100, 101, 5_000))))
            return b"GET /pixel/v1/page HTTP/1.1\r\n" + lines + b"\r\n"
        if kind == 4:
            return (
                b"GET /pixel/v1/page HTTP/1.1\r\na: "
                + b"b" * choose((65_536, 200_000, 1_000_000))
                + b"\r\n\r\n"
            )
        if kind == 5:  # a huge target
            return (
                b"GET /pixel/v1/page?"
                + b"a" * choose((65_400, 65_535, 70_000, 500_000))
                + b" HTTP/1.1\r\n\r\n"
            )
        if kind == 6:
            return good.replace(b"\r\n", choose((b"\n", b"\r", b"\n\r", b"\r\n ", b"\0\r\n", b"\r\r\n")))
        if kind == 7:
            return good.replace(
                b"HTTP/1.1", choose((b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9", b"", b"ICY"))
            )
        if kind == 8:  # another protocol
            return choose(
                (
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                    b"\0" * 500,
                )
            )
        if kind == 9:  # bodies that lie
            line = choose(
                (
                    *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999"),
                    *(
                        b"Content-Length: 5\r\nContent-Length: 6",
                        b"Transfer-Encoding: chunked",
                        b"Expect: 100-continue",
                    ),
                    *(
                        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
                        b"Upgrade: websocket\r\nConnection: upgrade",
                    ),
                )
            )
            return (
                good[:-2]
                + line
                + b"\r\n\r\n"
                + choose((b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffff\r\n", good))
            )
        if kind == 10:  # many at once, one of them broken
            shots = [self.shot().data for _ in range(20)]
            shots[self._random.randrange(20)] = self._mutated(good, bytes(range(256)), 3)
            return b"".join(shots)
        return good.replace(
            b"GET /", choose((b"GET http://other.example/", b"GET ", b"GET  /", b"\r\n\r\nGET /", b"GET\t/"))
        )

    def _case(self) -> tuple[bytes, bytes, list[bytes]]:
        """Route, query and header lines of one of the contract's cases, mutated."""
        case = self._random.choice(CASES)
        self._number += 1
        unique = f"{self._unique}-{self._number}".encode()
        query = case["query"].encode().translate(None, b'"<>#')
        query = query.replace(b"{write_key}", b"\x01").replace(b"{unique}", unique)
        keeps_key = self._random.random() < 0.8
        if not keeps_key:
            query = query.replace(b"\x01", self._key)
        query = self._mutated(query, TARGET_BYTES, self._random.choice((0, 1, 1, 2, 3, 8)))
        query = query.replace(b"\x01", self._key)
        if self._random.random() < 0.002:
            query += b"&p=%22%3C%3E " + bytes([self._random.randrange(256)])  # the HTTP server's own 400
        lines = [
            name.encode() + b": " + value.encode("utf-8").translate(None, b"\r\n\0")
            for name, value in case["headers"].items()
        ]
        return case["route"].encode(), query, lines

    def _mutated(self, data: bytes, alphabet: bytes, times: int) -> bytes:
        """Bytes changed, cut, doubled, swapped for others, or joined by a piece that means something."""
        choose, within = self._random.choice, self._random.randrange
        for _ in range(times):
            at, kind = within(len(data) + 1), within(6)
            if kind == 0:
                data = data[:at] + bytes([choose(alphabet)]) + data[at + 1 :]
            elif kind == 1:
                data = data[:at] + data[at + 1 + within(4) :]
            elif kind == 2:
                data = data[:at] + data[max(0, at - within(40)) : at] * (1 + within(3)) + data[at:]
            elif kind == 3:
                data = data[:at] + self._bytes(alphabet, within(12)) + data[at:]
            else:
                data = data[:at] + choose(PIECES).translate(None, b' "') + data[at:]
        return data

    def _header(self) -> bytes:
        name = self._random.choice(NAMES)
        if self._random.random() < 0.7:
            return name + b": " + self._random.choice(VALUES)
        return name + b": " + self._bytes(VALUE_BYTES, self._random.randrange(60))

    def _bytes(self, alphabet: bytes, amount: int) -> bytes:
        return bytes(self._random.choices(alphabet, k=amount))


def choice_of_size(chance: random.Random) -> int:
    return chance.choice((1, 3, 100, 5_000))
