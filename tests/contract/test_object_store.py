"""The object store under the destinations' contract: against a real S3 service, and a folder."""

import asyncio
from pathlib import Path

import pytest

from pixelwire.destinations import registry
from pixelwire.testing import check_destination as contract
from pixelwire.testing.check_destination import Trial, check_destination
from support.object_stores import FolderTarget, SeaweedTarget
from support.seaweed import BUCKET, WRITER, SeaweedServer
from support.tcp_proxy import TcpProxy

SPEC = registry.spec("object_store")
CHECKS = [check.__name__ for check in contract.CHECKS]


@pytest.mark.parametrize("layout", ["rudderstack", "hive"])
def test_s3_keeps_the_contract(seaweed: SeaweedServer, layout: str) -> None:
    """Every rule but refusing one event: a store does not look into files."""
    prefix = f"contract/{layout}"
    with TcpProxy(seaweed.port) as proxy:
        target = SeaweedTarget(seaweed, proxy, prefix)
        options = {
            "url": f"s3://{BUCKET}/{prefix}",
            "endpoint": target.endpoint,
            "credentials": seaweed.credentials(WRITER),
            "layout": layout,
            "timeout_s": 0.5,
            "allow_private_addresses": True,
        }
        passed = asyncio.run(check_destination(Trial(SPEC, options, target)))
    assert passed == [name for name in CHECKS if name != "refused_is_given_up"]


def test_a_folder_keeps_the_contract(tmp_path: Path) -> None:
    """Every rule that a folder can break: it has no credentials, and no silence on command."""
    folder = tmp_path / "events"
    folder.mkdir()
    options = {"url": folder.as_uri(), "timeout_s": 0.5}
    passed = asyncio.run(check_destination(Trial(SPEC, options, FolderTarget(folder))))
    left_out = {
        "busy_is_retried",
        "refused_is_given_up",
        "locked_out_is_misconfigured",
        "silence_has_an_end",
        "a_send_can_be_cancelled",
    }
    assert passed == [name for name in CHECKS if name not in left_out]
