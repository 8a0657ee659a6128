"""A catalog with a business and a pixel, for tests that need one to stand on."""

from pathlib import Path
from typing import NamedTuple

from pixelwire.catalog.businesses import Business
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog


class Shop(NamedTuple):
    catalog: Catalog
    business: Business
    pixel: Pixel


def make_shop(data_dir: Path, name: str = "Shop") -> Shop:
    catalog = Catalog.open(data_dir)
    business = catalog.create_business(name)
    return Shop(catalog, business, catalog.create_pixel(business.id, "https://shop.example", "Main"))
