"""Deliver: disk -> destinations. One loop per destination; never writes an event."""
