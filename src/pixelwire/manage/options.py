"""What the supervisor tells the management process. Knows nothing of how it is used."""

import msgspec

from pixelwire.home import Identity
from pixelwire.telemetry import LogFormat


class ManageOptions(msgspec.Struct, frozen=True):
    data_dir: str
    socket_fd: int  # the listening socket, inherited
    public_url: str  # where pixels are served
    manage_url: str  # where this API is served
    metrics_public: bool = False
    allow_private_destinations: bool = False
    processes: str = ""  # the supervisor's state file; may be missing
    recorder_socket: str = ""  # to ask the recorder how it is; empty: it is not asked
    lock: Identity | None = None  # of the data directory; none: any will do
    log_format: LogFormat = "text"
    log_level: str = "info"
