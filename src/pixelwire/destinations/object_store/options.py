"""What an owner can say about an object store, and what is wrong with it. Knows no library."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta

from pixelwire.destinations.base import OPERATOR_ONLY, TARGET, Options, Secret
from pixelwire.destinations.object_store.credentials import credential_problems
from pixelwire.destinations.object_store.target import FOLDER, S3, Target, endpoint_problem, read_url

MIB: Final = 1_048_576
FILE_EVENTS_MAX: Final = 100_000
FILE_BYTES_MAX: Final = 64 * MIB  # of payloads; one file is in memory while it is made

_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")  # it becomes part of a host's name


class ObjectStoreOptions(Options, frozen=True, kw_only=True):
    url: Annotated[
        str,
        Meta(
            description="Where files go: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or "
            "file:///folder, which only the server's operator may choose.",
            extra=TARGET,
        ),
    ]
    format: Annotated[
        Literal["ndjson", "parquet"],
        Meta(description="A payload a line, compressed with gzip; or Parquet, compressed with zstd."),
    ] = "ndjson"
    layout: Annotated[
        Literal["rudderstack", "hive"],
        Meta(description="The folders: those of RudderStack by day, or Hive partitions by hour."),
    ] = "rudderstack"
    date_format: Annotated[
        Literal["YYYY-MM-DD", "MM-DD-YYYY"],
        Meta(description="How the layout of RudderStack writes a day; older buckets have the second one."),
    ] = "YYYY-MM-DD"
    file_events_max: Annotated[
        int,
        Meta(ge=1, le=FILE_EVENTS_MAX, description="A file is closed when it has so many events."),
    ] = 10_000
    file_bytes_max: Annotated[
        int,
        Meta(
            ge=65_536,
            le=FILE_BYTES_MAX,
            description="Or so many bytes, before compression; a single larger event still goes, alone.",
        ),
    ] = 16 * MIB
    file_age_s: Annotated[
        float,
        Meta(ge=1, le=3_600, description="Or when its oldest event has waited for so long."),
    ] = 60.0
    timeout_s: Annotated[
        float,
        Meta(ge=0.1, le=300, description="How long one request may take, connecting and answer included."),
    ] = 60.0
    credentials: Annotated[
        dict[str, Secret],
        Meta(description="The keys to the bucket, by name; which ones is said below."),
    ] = {}  # noqa: RUF012 msgspec copies it
    server_credentials: Annotated[
        bool,
        Meta(
            description="Whether to use what the server's environment or the cloud gives to this machine, "
            "in place of credentials.",
            extra=OPERATOR_ONLY,
        ),
    ] = False
    region: Annotated[
        str | None, Meta(description="The bucket's region, for s3; us-east-1 when it is not given.")
    ] = None
    endpoint: Annotated[
        str | None,
        Meta(
            description="The address of a service that is not the cloud's own, such as https://minio.example.",
            extra=TARGET,
        ),
    ] = None
    virtual_hosted_style: Annotated[
        bool,
        Meta(description="For s3: whether the bucket is part of the host's name and not of the path."),
    ] = False
    ca_file: Annotated[
        str | None,
        Meta(
            description="A PEM file of certificate authorities to trust beside the system's.",
            extra=OPERATOR_ONLY,
        ),
    ] = None
    allow_private_addresses: Annotated[
        bool,
        Meta(
            description="Whether the endpoint may lie in a private network, and be an http:// address.",
            extra=OPERATOR_ONLY,
        ),
    ] = False

    @property
    def target(self) -> Target:
        """Where `url` leads. ValueError when it leads nowhere."""
        return read_url(self.url)

    def operator_only(self) -> list[str]:
        is_folder = read_url(self.url).scheme == FOLDER
        return [*(["url"] if is_folder else []), *super().operator_only()]

    def problems(self) -> list[str]:
        try:
            target = self.target
        except ValueError as exc:
            return [f"url: {exc}"]
        found = [
            f"credentials: {text}"
            for text in credential_problems(target, self.credentials, is_lent=self.server_credentials)
        ]
        if self.region is not None and not _REGION.fullmatch(self.region):
            found.append("region: is not the name of a region, such as eu-central-1")
        if self.endpoint is not None and (problem := endpoint_problem(self.endpoint)):
            found.append(f"endpoint: {problem}")
        found += [
            f"{name}: is for s3:// only"
            for name, is_given in (
                ("region", self.region is not None),
                ("virtual_hosted_style", self.virtual_hosted_style),
            )
            if is_given and target.scheme != S3
        ]
        found += [
            f"{name}: is of no use with file://"
            for name, is_given in (
                ("endpoint", self.endpoint is not None),
                ("ca_file", self.ca_file is not None),
                ("server_credentials", self.server_credentials),
            )
            if is_given and target.scheme == FOLDER
        ]
        return found
