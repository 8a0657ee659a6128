"""Pixelwire: a self-hosted pixel server. A 200 means the event is on disk."""

__version__ = "0.1.0"
