"""What the headers add inside `context`, and the page's basics in both places (wire.md 1.3).

Knows no policy: it is told what may be shown.
"""

from typing import Final

from pixelwire.collect import headers
from pixelwire.collect.headers import Headers
from pixelwire.collect.nest import Object

_BASICS: Final = ("path", "url", "referrer", "title")


def enrich(root: Object, found: Headers, *, address: str, shows_user_agent: bool) -> None:
    """The query's own words win, but for the address and what a policy hides."""
    context = _object(root, "context")
    if address:
        context["ip"] = address
    else:
        context.pop("ip", None)
    if not shows_user_agent:
        context.pop("userAgent", None)
    elif "userAgent" not in context and (user_agent := headers.text(found.get(b"user-agent"))):
        context["userAgent"] = user_agent
    if "locale" not in context and (locale := headers.locale(found)):
        context["locale"] = locale
    page = _object(context, "page")
    if "url" not in page and "url" not in _object(root, "properties") and (url := headers.page_url(found)):
        page["url"] = url
        context["page"] = page
    if context:
        root["context"] = context
    else:
        root.pop("context", None)


def share_basics(root: Object) -> None:
    """A page view's basics are copied to where they are missing, so that every destination finds them."""
    context = _object(root, "context")
    page, properties = _object(context, "page"), _object(root, "properties")
    if not page and not properties:
        return
    _copy_missing(page, properties)
    _copy_missing(properties, page)
    if properties:
        root["properties"] = properties
    if page:
        context["page"] = page
        root["context"] = context


def _object(parent: Object, name: str) -> Object:
    """The object of that name; one not yet in its parent when there is none."""
    child = parent.get(name)
    return child if type(child) is dict else {}


def _copy_missing(source: Object, target: Object) -> None:
    for basic in _BASICS:
        if basic in source and basic not in target:
            value = source[basic]
            if type(value) is str:
                target[basic] = value
