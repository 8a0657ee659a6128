"""The public seam."""

from pixelwire.destinations import base


def test_what_is_public_is_pinned() -> None:
    """Plug-ins are written against these names: one that goes is a breaking change."""
    assert base.__all__ == [
        "OPERATOR_ONLY",
        "TARGET",
        "Batch",
        "BatchLimits",
        "BatchResult",
        "Destination",
        "DestinationSpec",
        "GiveUp",
        "Item",
        "ItemResult",
        "Misconfigured",
        "Options",
        "Refused",
        "Retry",
        "Secret",
        "SecretUrl",
        "Sent",
        "Surroundings",
        "Unreachable",
    ]
    assert all(hasattr(base, name) for name in base.__all__)
