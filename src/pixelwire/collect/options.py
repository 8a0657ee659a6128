"""What a worker is started with. Plain values only, so that they travel to a spawned process."""

import msgspec


class WorkerOptions(msgspec.Struct, frozen=True):
    """One worker's share of the settings, already checked by the one who starts it."""

    data_dir: str
    socket_path: str  # where the recorder listens
    trusted_proxies: list[str]  # addresses and networks whose word on the client's address counts
    client_address_header: str = "x-forwarded-for"
    rate_limit_per_address: int = 0  # requests a second; 0 is no limit
    rate_limit_per_pixel: int = 0
    rate_limit_burst_s: int = 10
    recorder_wait_s: float = 0.0  # for the socket of a recorder that is started at the same time
