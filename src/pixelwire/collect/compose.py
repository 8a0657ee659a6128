"""What is ours of a payload, put around and into the parameters: the last step of every request that names a
person. Knows no key, no policy and no outcome: it is told what may be shown.
"""

from pixelwire.collect import payload
from pixelwire.collect.context import enrich, share_basics
from pixelwire.collect.headers import Headers
from pixelwire.collect.nest import Object
from pixelwire.event import Call


def compose(
    root: Object,
    call: Call,
    found: Headers,
    *,
    message_id: str,
    rudder_id: str,
    now: str,
    address: str,
    shows_user_agent: bool,
) -> None:
    """Makes the parameters in `root`, the `messageId` taken out, the whole payload."""
    payload.end(root, call, message_id=message_id, rudder_id=rudder_id, received_at=now)
    if address:
        root["request_ip"] = address
    enrich(root, found, address=address, shows_user_agent=shows_user_agent)
    if call is Call.PAGE:
        payload.name_page(root)
        share_basics(root)
