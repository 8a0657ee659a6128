"""Every error of ours, by who must act.

PixelwireError               a stable `code`, a text for a person, optionally a hint
  ConfigError                the operator, before the start; holds all problems; exit status 2
  RequestError               the caller of the management API
    Unauthorized  Forbidden  NotFound  Conflict  InvalidFields  BodyTooLarge
  RecordError                the operator, now
    DiskFull  SyncFailed (stop the process; a failed fsync is never retried)  SegmentDamaged  SegmentGone
  CatalogError               the operator
    CatalogBusy (try again)
  SchemaMismatch             the operator: the data is newer than this program
  DataDirectoryError         the operator: the directory can not be used, and why
  DeliveryError              the operator: delivery.db can not be used
  DestinationError           the owner of the destination
    Unreachable (retry)  Refused (give up)  Misconfigured (pause)
"""

from collections.abc import Sequence


class PixelwireError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, text: str = "", *, hint: str = "") -> None:
        self.text = text or (self.__doc__ or "").strip().splitlines()[0]
        self.hint = hint
        super().__init__(f"{self.text} ({hint})" if hint else self.text)


class ConfigError(PixelwireError):
    """The configuration is not valid."""

    code = "config_invalid"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


class DataDirectoryError(PixelwireError):
    """The data directory can not be used."""

    code = "data_directory"


class SchemaMismatch(PixelwireError):
    """The data was written by a newer Pixelwire."""

    code = "schema_newer"


class RequestError(PixelwireError):
    """The request can not be answered."""

    code = "request"


class Unauthorized(RequestError):
    """A token is needed: send it as `Authorization: Bearer <token>`."""

    code = "unauthorized"


class Forbidden(RequestError):
    """The token does not reach this."""

    code = "forbidden"


class NotFound(RequestError):
    """There is no such thing here."""

    code = "not_found"


class Conflict(RequestError):
    """That exists already."""

    code = "conflict"


class InvalidFields(RequestError):
    """Some fields are not valid."""

    code = "invalid"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


class BodyTooLarge(RequestError):
    """The body is larger than 64 KiB."""

    code = "body_too_large"


class RecordError(PixelwireError):
    """The recorder can not store events."""

    code = "record"


class DiskFull(RecordError):
    """The disk of the data directory is full."""

    code = "disk_full"


class SyncFailed(RecordError):
    """The disk did not confirm a write; the process must stop and reopen its files."""

    code = "sync_failed"


class SegmentDamaged(RecordError):
    """A segment can not be read."""

    code = "segment_damaged"


class SegmentGone(RecordError):
    """The open segment is no longer at its place: what is written to it would be found by nobody."""

    code = "segment_gone"


class CatalogError(PixelwireError):
    """The catalog can not be used."""

    code = "catalog"


class CatalogBusy(CatalogError):
    """The catalog is in use by another process; try again."""

    code = "catalog_busy"


class DeliveryError(PixelwireError):
    """What is known of deliveries can not be read or written."""

    code = "delivery"


class DestinationError(PixelwireError):
    """A destination did not take events."""

    code = "destination"


class Unreachable(DestinationError):
    """The destination can not be reached."""

    code = "destination_unreachable"


class Refused(DestinationError):
    """The destination refused for good."""

    code = "destination_refused"


class Misconfigured(DestinationError):
    """The destination's options are not right."""

    code = "destination_misconfigured"
