"""Catalog: businesses, pixels, keys, tokens, datasets, destinations. Knows no event."""
