"""A real browser loads pages of another origin with the pixel on them."""

import html
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from pixelwire.cli.first_steps import image_tag
from support.browser import chromium
from support.server import Server
from support.site import site
from support.waiting import wait_until


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("browser") / "data") as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_the_printed_tag_records_the_page_it_is_on(server: Server, page: Page) -> None:
    """Counts and receipt show the view, with the page's whole address and the browser's user agent."""
    before = server.counted()
    tag = image_tag(server.facts["pixel_url"], server.facts["write_key"])
    with site({"/shop/article": tag}) as origin:
        address = f"{origin}/shop/article?id=7&colour=r%C3%B6d"
        message_id = visit(page, address)
    receipt = receipt_of(server, message_id)
    assert server.counted() == before + 1
    assert receipt["call"] == "page"
    assert receipt["signal"] == "VIEW"
    assert receipt["payload"]["context"]["page"]["url"] == address
    assert receipt["payload"]["properties"]["url"] == address
    assert receipt["payload"]["context"]["userAgent"] == page.evaluate("navigator.userAgent")
    assert receipt["payload"]["anonymousId"] == "anonymous"
    assert receipt["facts"]["Sec-Fetch-Dest"] == "image"
    assert is_drawn(page)


def test_an_amp_address_is_understood(server: Server, page: Page) -> None:
    """An AMP page names itself in the query and quotes its cookie; both arrive as they were meant."""
    query = {
        "writeKey": server.facts["write_key"],
        "anonymousId": '"amp-a1b2"',
        "context.library.name": "Rudderstack AMP SDK",
        "context.platform": "AMP",
        "context.page.url": "https://shop.example/amp/article?id=7",
        "context.page.title": "Tea & coffee",
        "context.screen.width": "412",
    }
    source = html.escape(f"{server.facts['pixel_url']}/pixel/v1/page?{urlencode(query)}")
    with site({"/amp": f'<img src="{source}" alt="" width="1" height="1">'}) as origin:
        message_id = visit(page, f"{origin}/amp")
    payload = receipt_of(server, message_id)["payload"]
    assert payload["anonymousId"] == "amp-a1b2"
    assert payload["context"]["page"]["url"] == query["context.page.url"]
    assert payload["context"]["page"]["title"] == "Tea & coffee"
    assert payload["context"]["screen"] == {"width": "412"}
    assert is_drawn(page)


def test_a_refused_pixel_shows_no_broken_image(server: Server, page: Page) -> None:
    """A pixel without an identity is 400, and the browser draws it all the same."""
    source = html.escape(f"{server.facts['pixel_url']}/pixel/v1/page?writeKey={server.facts['write_key']}")
    with (
        site({"/": f'<img src="{source}" alt="">'}) as origin,
        page.expect_response("**/pixel/v1/**") as seen,
    ):
        page.goto(f"{origin}/")
    assert seen.value.status == 400
    assert seen.value.headers["x-pixelwire-reason"] == "identity_missing"
    assert is_drawn(page)


def visit(page: Page, address: str) -> str:
    """Opens a page; the message id that the pixel on it was answered with."""
    with page.expect_response("**/pixel/v1/**") as seen:
        page.goto(address)
    assert seen.value.status == 200
    assert seen.value.headers["x-pixelwire-outcome"] == "stored"
    return seen.value.headers["x-pixelwire-message-id"]


def receipt_of(server: Server, message_id: str) -> dict[str, Any]:
    return wait_until(lambda: server.receipt(message_id), 5, "a receipt")


def is_drawn(page: Page) -> bool:
    """Whether the image was decoded: a broken one has no natural width."""
    image = page.locator("img")
    wait_until(lambda: image.evaluate("image => image.complete"), 5, "the image has ended loading")
    return image.evaluate("image => image.naturalWidth") == 1
