"""Destinations: the plug-ins, one file each. They know a batch of events and their own target only."""
