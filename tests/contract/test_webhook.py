"""The webhook under the destinations' contract, against a real other side."""

import asyncio

import pytest

from pixelwire.destinations import registry
from pixelwire.testing import check_destination as contract
from pixelwire.testing.check_destination import Trial, check_destination
from support.receiver import Receiver


async def run_webhook(method: str, url_path: str = "") -> list[str]:
    receiver = await Receiver().start()
    options = {
        "url": receiver.url + url_path,
        "method": method,
        "headers": {"Authorization": "Bearer header-secret"},
        "signing_secret": "signing-secret-0123456789",
        "timeout_s": 0.5,
        "concurrency": 4,
    }
    try:
        return await check_destination(Trial(registry.spec("webhook"), options, receiver))
    finally:
        await receiver.stop()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_the_webhook_keeps_the_contract(method: str) -> None:
    """Every rule of the contract, with a receiver that fails on command."""
    passed = asyncio.run(run_webhook(method))
    assert passed == [check.__name__ for check in contract.CHECKS]
