"""Datasets: each groups a pixel with server-side sources of the same events. Knows no pixel's settings."""

from typing import Final
from uuid import uuid4

import msgspec

from pixelwire.catalog.businesses import Businesses
from pixelwire.catalog.checks import Checked, check_name, check_uuid
from pixelwire.catalog.database import writing
from pixelwire.catalog.statements import load
from pixelwire.errors import Conflict

_SQL: Final = load("datasets.sql")


class Dataset(msgspec.Struct, frozen=True):
    id: str
    business_id: str
    name: str
    created_ms: int


class Datasets(Businesses):
    def create_dataset(
        self,
        business_id: str,
        name: str,
        *,
        id: str | None = None,  # noqa: A002 - the contract's word for it
    ) -> Dataset:
        """InvalidFields; NotFound without the business; Conflict when the id is in use."""
        checked = Checked()
        checked.take("name", check_name, name)
        dataset_id = checked.take("id", check_uuid, id or str(uuid4()))
        checked.finish()
        with writing(self._connection):
            self.business(business_id)
            return self._insert_dataset(dataset_id, business_id, name)

    def datasets(self, business_id: str) -> list[Dataset]:
        """Oldest first."""
        return [Dataset(*row) for row in self._rows(_SQL["all"], business_id)]

    def _insert_dataset(self, dataset_id: str, business_id: str, name: str) -> Dataset:
        if self._row(_SQL["exists"], dataset_id):
            raise Conflict(f"a dataset {dataset_id} exists already")
        dataset = Dataset(dataset_id, business_id, name, self._clock.now_ms())
        self._run(_SQL["insert"], *msgspec.structs.astuple(dataset))
        return dataset

    def _is_free_dataset(self, dataset_id: str, business_id: str) -> bool:
        return self._row(_SQL["is_free"], dataset_id, business_id) is not None
