"""The fair mix, as `pixels.lua` has it, for what is measured without a load generator: every query distinct,
the documented sample page call and a short track call in turn, half with message ids of the sender's.
"""

from typing import NamedTuple

PAGE = (
    "/pixel/v1/page?writeKey={key}&context.library.name=Rudderstack%20AMP%20SDK"
    "&context.library.version=1.0.0&context.platform=AMP&anonymousId=amp-{who}&context.locale=en-US"
    "&context.userAgent=Mozilla%2F5.0&context.page.path=%2Fblog%2F{n}"
    "&context.page.url=https%3A%2F%2Fexample.com%2Fblog%2F{n}&context.page.referrer="
    "&context.page.title=A%20%26%20B&context.screen.width=1920&context.screen.height=1080"
    "&properties.path=%2Fblog%2F{n}&properties.url=https%3A%2F%2Fexample.com%2Fblog%2F{n}"
    "&properties.referrer=&properties.title=A%20%26%20B&name=Blog"
)
TRACK = "/pixel/v1/track?writeKey={key}&anonymousId=a{who}&event=Order+Completed&properties.order_id={n}"
PERSONS = 50_000


class Asked(NamedTuple):
    path: str
    query: str


def asked(write_key: str, mark: str, n: int) -> Asked:
    """The request number `n` of a run."""
    target = (TRACK if n % 2 else PAGE).format(key=write_key, who=n % PERSONS, n=n)
    target += f"&messageId={mark}-{n}" if n % 4 < 2 else f"&properties.mark={mark}"
    path, _, query = target.partition("?")
    return Asked(path, query)
