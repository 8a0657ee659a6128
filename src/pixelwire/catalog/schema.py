"""Brings a catalog to the shape this program knows. Knows the numbered scripts, not what is in them."""

import apsw

from pixelwire.catalog.database import translated, writing
from pixelwire.catalog.statements import migrations
from pixelwire.errors import SchemaMismatch


def version_of(connection: apsw.Connection) -> int:
    """How many migrations a catalog has had; 0 for an empty file."""
    with translated():
        version = connection.pragma("user_version")
    assert isinstance(version, int)
    return version


def migrate(connection: apsw.Connection) -> None:
    """To the newest shape. SchemaMismatch when the file is newer than this program."""
    scripts = migrations()
    refuse_newer(version_of(connection), len(scripts))
    if version_of(connection) == len(scripts):
        return
    with writing(connection):
        # Another process may have done it while this one waited for the lock.
        for number, script in enumerate(scripts[version_of(connection) :], version_of(connection) + 1):
            connection.execute(script)
            connection.execute(f"PRAGMA user_version = {number}")


def refuse_newer(version: int, known: int) -> None:
    if version > known:
        raise SchemaMismatch(
            f"the catalog has schema {version}, this Pixelwire knows up to {known}",
            hint="start the newer Pixelwire that wrote it, or restore the backup made before the upgrade",
        )
