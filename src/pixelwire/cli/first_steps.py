"""What a person is told about a pixel: the tag to embed, lines to paste into a shell. Pure text."""

import html
import shlex
from typing import NamedTuple
from urllib.parse import urlencode


class FirstSteps(NamedTuple):
    """Everything the texts need to know."""

    pixel_url: str
    manage_url: str
    business_id: str
    pixel_id: str
    write_key: str
    token: str
    data_dir: str


def image_tag(pixel_url: str, write_key: str, anonymous_id: str = "anonymous") -> str:
    """The tag a page embeds. The referrer policy lets the browser name the page it is on."""
    source = html.escape(page_url(pixel_url, write_key, anonymous_id))
    return f'<img src="{source}" alt="" width="1" height="1" referrerpolicy="no-referrer-when-downgrade">'


def page_url(pixel_url: str, write_key: str, anonymous_id: str) -> str:
    """The address that records a page view."""
    query = urlencode({"writeKey": write_key, "anonymousId": anonymous_id})
    return f"{pixel_url}/pixel/v1/page?{query}"


def fire_line(steps: FirstSteps) -> str:
    """The shell line that fires the pixel and shows what became of it."""
    return f"curl -i {shlex.quote(page_url(steps.pixel_url, steps.write_key, 'curl'))}"


def read_line(steps: FirstSteps) -> str:
    """The shell line that reads the pixel and its counts back."""
    header = shlex.quote(f"Authorization: Bearer {steps.token}")
    url = f"{steps.manage_url}/ads/v3/businesses/{steps.business_id}/pixels/{steps.pixel_id}"
    return f"curl -H {header} {shlex.quote(url)}"


def text(steps: FirstSteps) -> str:
    """What `pixelwire quickstart` prints when it is ready."""
    return f"""\
Pixelwire is running.

  pixels      {steps.pixel_url}
  management  {steps.manage_url}  (API documentation: {steps.manage_url}/docs)

Put this on a page. In place of `anonymous` belongs what your site knows the visitor by, such as
the value of a first-party cookie; as it stands, all visitors are one:

  {image_tag(steps.pixel_url, steps.write_key)}

Fire the pixel:

  {fire_line(steps)}

Read it back, with its counts:

  {read_line(steps)}

The data lies in {steps.data_dir}; the token is in quickstart.json there. Ctrl-C stops the server.
"""
