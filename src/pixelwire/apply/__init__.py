"""Apply: what a file declares against what the catalog has. Knows no terminal and no event."""
