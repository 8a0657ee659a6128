"""Collect: request -> Event. Knows nothing of disks, totals or destinations."""
