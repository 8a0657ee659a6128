"""What each process is told, from the settings. Pure: starts nothing."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pixelwire.clock import DAY_MS
from pixelwire.collect.options import WorkerOptions
from pixelwire.deliver.options import CourierOptions
from pixelwire.home import Identity
from pixelwire.limits import CHILD_START_S
from pixelwire.manage.options import ManageOptions
from pixelwire.record.options import RecorderOptions
from pixelwire.record.retention import RetentionLimits

if TYPE_CHECKING:
    from pixelwire.config import Settings

# What a reload can not change: the sockets are bound and the directory is locked.
FIXED: Final = ("data_dir", "host", "port", "manage_host", "manage_port", "workers")


class Place(NamedTuple):
    """Where this run of the server is."""

    data_dir: str
    recorder_socket: str
    processes: str  # the file that tells how the processes are
    manage_fd: int
    public_url: str  # as bound
    manage_url: str
    lock: Identity | None = None  # of the data directory


class Plan(NamedTuple):
    """The options of every process."""

    recorder: RecorderOptions
    manage: ManageOptions
    courier: CourierOptions
    worker: WorkerOptions


def make_plan(settings: "Settings", place: Place) -> Plan:
    logs: Any = {"log_format": settings.log_format, "log_level": settings.log_level}
    return Plan(
        recorder=RecorderOptions(
            data_dir=place.data_dir,
            socket_path=place.recorder_socket,
            retention=_retention(settings),
            lock=place.lock,
            **logs,
        ),
        manage=ManageOptions(
            data_dir=place.data_dir,
            socket_fd=place.manage_fd,
            public_url=settings.public_url or place.public_url,
            manage_url=place.manage_url,
            metrics_public=settings.metrics_public,
            allow_private_destinations=settings.allow_private_destinations,
            processes=place.processes,
            recorder_socket=place.recorder_socket,
            lock=place.lock,
            **logs,
        ),
        courier=CourierOptions(
            data_dir=place.data_dir,
            lock=place.lock,
            recorder_socket=place.recorder_socket,
            allow_private_destinations=settings.allow_private_destinations,
            **logs,
        ),
        worker=WorkerOptions(
            data_dir=place.data_dir,
            socket_path=place.recorder_socket,
            trusted_proxies=list(settings.trusted_proxies),
            client_address_header=settings.client_address_header,
            rate_limit_per_address=settings.rate_limit_per_address,
            rate_limit_per_pixel=settings.rate_limit_per_pixel,
            rate_limit_burst_s=settings.rate_limit_burst_s,
            recorder_wait_s=CHILD_START_S,
        ),
    )


def _retention(settings: "Settings") -> RetentionLimits:
    """0 is no limit."""
    return RetentionLimits(
        age_ms=settings.retention_days * DAY_MS or None,
        bytes_max=settings.retention_bytes or None,
        free_bytes_min=settings.retention_free_bytes or None,
        hard_bytes_max=settings.retention_hard_bytes or None,
        hard_free_bytes_min=settings.retention_hard_free_bytes or None,
    )


def not_reloadable(before: "Settings", after: "Settings") -> list[str]:
    """The settings that differ and need a restart."""
    return [name for name in FIXED if getattr(before, name) != getattr(after, name)]
