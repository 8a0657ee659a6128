"""Where files go, read from a `url`; and what is wrong with one. Pure: knows no library and no network."""

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

S3: Final = "s3"
GCS: Final = "gs"
AZURE: Final = "az"
FOLDER: Final = "file"

# Other programs' names for the same.
_SCHEMES: Final = {
    "s3": S3, "s3a": S3, "gs": GCS, "gcs": GCS, "az": AZURE, "azure": AZURE, "abfs": AZURE, "abfss": AZURE,
    "file": FOLDER,
}  # fmt: skip
_NOUNS: Final = {S3: "bucket", GCS: "bucket", AZURE: "container", FOLDER: "folder"}
# It becomes part of a host's name or of a path: nothing in it may lead elsewhere.
_BUCKET: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,220}[A-Za-z0-9])?")
# What every store takes as it is; others would be escaped, differently by each.
_PREFIX: Final = re.compile(r"[A-Za-z0-9 !$&'()+,.:;=@_-]+")
_EXPECTED: Final = "s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder"


class Target(NamedTuple):
    scheme: str  # one of those above
    bucket: str  # "" for a folder
    prefix: str  # without slashes around it; for a folder its absolute path

    @property
    def noun(self) -> str:
        """What its owner calls it: bucket, container or folder."""
        return _NOUNS[self.scheme]

    @property
    def name(self) -> str:
        """The bucket's name, or the folder's path."""
        return self.bucket or self.prefix


def read_url(url: str) -> Target:
    """ValueError, with what is wrong, when there is no target in it."""
    if not url.isprintable():
        raise ValueError("has a character that does not show")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"is not an address: give one like {_EXPECTED}") from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise ValueError(f"must be one of {_EXPECTED}")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("must end with the prefix: what follows ? or # has no meaning here")
    if scheme == FOLDER:
        return Target(FOLDER, "", _folder(parts.netloc, parts.path))
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or account: give it in `credentials`")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError(f"has no {_NOUNS[scheme]} that could exist: give one like {_EXPECTED}")
    prefix = parts.path.strip("/")
    if any(not _PREFIX.fullmatch(part) or set(part) == {"."} for part in prefix.split("/") if prefix):
        raise ValueError("has an empty part or an odd character in its prefix: use letters, digits, - _ . =")
    return Target(scheme, parts.netloc, prefix)


def endpoint_problem(endpoint: str) -> str:
    """What is wrong with the address of a service; "" for nothing."""
    if any(character <= " " or character == "\x7f" for character in endpoint):
        return "has a space or a control character"
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must begin with http:// or https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or password: give them in `credentials`"
    return "must not have a ? or a #" if parts.query or parts.fragment else ""


def _folder(host: str, path: str) -> str:
    folder = PurePosixPath(unquote(path))
    if host not in ("", "localhost") or not folder.is_absolute():
        raise ValueError("must be file:// and the folder's path from the root: file:///srv/events")
    if ".." in folder.parts or folder == PurePosixPath("/"):
        raise ValueError("must name a folder of its own, without ..")
    if not str(folder).isprintable():
        raise ValueError("has a character that does not show")
    return str(folder)
