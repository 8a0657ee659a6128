"""What the supervisor tells the courier."""

from typing import Literal

import msgspec

from pixelwire.deliver.retry import RetryPolicy


class CourierOptions(msgspec.Struct, frozen=True):
    data_dir: str
    allow_private_destinations: bool = False
    log_format: Literal["text", "json"] = "text"
    log_level: str = "info"
    retry: RetryPolicy = RetryPolicy()
