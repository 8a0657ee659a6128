"""The rungs of the benchmark's ladder, each as it is measured."""

from pathlib import Path

import pytest

import load
from load import Load
from rungs import RUNGS
from rungs.nginx import NginxRung
from rungs.rung import Rung
from rungs.tls import TlsProxy
from usage import Meter

FEW = Load(connections=2, seconds=1)


@pytest.mark.parametrize("kind", RUNGS, ids=lambda kind: kind.key)
def test_a_rung_answers_every_request_of_the_mix(kind: type[Rung], tmp_path: Path) -> None:
    """200 to all, in what is kept as many as were answered, and the processor's time is somebody's."""
    with kind(tmp_path / kind.key) as rung:
        with Meter(rung.processes) as meter:
            result = load.run(f"http://127.0.0.1:{rung.port}", rung.write_key, "few", FEW)
        kept, syncs = rung.kept(), rung.syncs()
    assert (result.not_200, result.socket_errors) == (0, 0)
    assert result.answers > 0
    assert sum(meter.cpu_s.values()) > 0
    if kept is not None:
        # What the generator had under way when it stopped is answered to nobody; nginx was asked once before.
        assert 0 <= kept.events - result.answers <= FEW.connections + 1
        assert kept.disk_bytes >= kept.payload_bytes
        assert 0 <= syncs <= kept.events


def test_every_way_reaches_a_rung(tmp_path: Path) -> None:
    """New connections, new TLS connections, and so many requests a second."""
    with NginxRung(tmp_path / "nginx") as rung, TlsProxy(tmp_path / "tls", rung.port) as proxy:
        plain, secure = f"http://127.0.0.1:{rung.port}", f"https://127.0.0.1:{proxy.port}"
        closing = load.run(plain, "key", "closing", FEW._replace(is_closing=True))
        tls = load.run(secure, "key", "tls", FEW._replace(is_closing=True))
        paced = load.run(plain, "key", "paced", FEW._replace(rate=200))
    for result in (closing, tls, paced):
        assert (result.not_200, result.socket_errors) == (0, 0)
        assert result.answers > 0
    assert paced.answers <= 200 * paced.duration_s + FEW.connections
