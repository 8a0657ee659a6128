"""What is looked at before anything is started or taken over: data of a newer Pixelwire is not served half,
and a network file system is no place for it. Changes nothing.
"""

import contextlib
import os
from pathlib import Path

import apsw

from pixelwire.catalog.database import catalog_path
from pixelwire.catalog.database import open_to_read as open_catalog
from pixelwire.catalog.schema import refuse_newer, version_of
from pixelwire.catalog.statements import migrations
from pixelwire.deliver.database import open_to_read as open_deliveries
from pixelwire.errors import CatalogError, DataDirectoryError, DeliveryError
from pixelwire.home import LOCK_NAME
from pixelwire.mounts import TABLE, mount_of
from pixelwire.record.damage import is_empty
from pixelwire.record.segments import (
    SCHEMA_VERSION,
    TOTALS_VERSION,
    open_for_reading,
    schema_version,
    segment_numbers,
    segment_path,
    totals_path,
)


def check_owner(data_dir: Path) -> None:
    """DataDirectoryError when the data is another user's, also where this one may not even look."""
    try:
        owner = (data_dir / LOCK_NAME).stat().st_uid
    except PermissionError:
        owner = data_dir.stat().st_uid
    except OSError:
        return  # nothing was ever there, or what is there is no directory: who takes it tells
    if owner != os.geteuid():
        raise DataDirectoryError(
            f"the data directory {data_dir} belongs to another user (uid {owner})",
            hint="run as that user, or give all of it to this one with chown",
        )


def check_data(data_dir: Path) -> None:
    """SchemaMismatch when the catalog or what is known of deliveries is newer than this program.

    What is damaged or can not be opened is told by /readyz: pixels that are known need neither.
    """
    with contextlib.suppress(CatalogError):
        if catalog_path(data_dir).exists():
            connection = open_catalog(catalog_path(data_dir))
            try:
                refuse_newer(version_of(connection), len(migrations()))
            finally:
                connection.close()
    with contextlib.suppress(DeliveryError):
        deliveries = open_deliveries(data_dir)
        if deliveries is not None:
            deliveries.close()


def check_events(data_dir: Path) -> None:
    """SchemaMismatch when the newest events or the totals are newer than this program. What is damaged or not
    there is the recorder's to deal with."""
    paths = [(segment_path(data_dir, number), SCHEMA_VERSION) for number in segment_numbers(data_dir)[-1:]]
    for path, known in ((totals_path(data_dir), TOTALS_VERSION), *paths):
        with contextlib.suppress(apsw.Error, OSError):
            if is_empty(path):
                continue
            connection = open_for_reading(path)
            try:
                schema_version(connection, path, known)
            finally:
                connection.close()


def check_file_system(data_dir: Path, *, is_network_allowed: bool, table: Path = TABLE) -> None:
    """DataDirectoryError when the directory is, or would be made, on a network file system."""
    mount = mount_of(data_dir, table)
    if mount is not None and mount.is_network and not is_network_allowed:
        raise DataDirectoryError(
            f"the data directory {data_dir} is on a network file system ({mount.kind}), whose locks and"
            " syncs can not be relied on",
            hint="use a local disk, or set allow_network_filesystem = true if you know that it keeps both",
        )
