"""What the supervisor tells the courier."""

from typing import Literal

import msgspec

from pixelwire.deliver.retry import RetryPolicy
from pixelwire.home import Identity


class CourierOptions(msgspec.Struct, frozen=True):
    data_dir: str
    allow_private_destinations: bool = False
    log_format: Literal["text", "json"] = "text"
    log_level: str = "info"
    lock: Identity | None = None  # of the data directory; none: any will do
    recorder_socket: str = ""  # to tell it of segments that can not be read; empty: nobody is told
    retry: RetryPolicy = RetryPolicy()
