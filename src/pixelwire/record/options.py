"""What the supervisor tells the recorder. Knows nothing of how it is read."""

import msgspec

from pixelwire.home import Identity
from pixelwire.record.retention import RetentionLimits
from pixelwire.telemetry import LogFormat


class RecorderOptions(msgspec.Struct, frozen=True):
    data_dir: str
    socket_path: str
    retention: RetentionLimits = RetentionLimits()  # nothing is removed
    log_format: LogFormat = "text"
    log_level: str = "info"
    lock: Identity | None = None  # of the data directory; none: any will do
