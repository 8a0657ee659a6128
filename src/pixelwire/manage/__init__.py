"""Manage: the REST API of owners. Reads events and counts; writes the catalog only."""
