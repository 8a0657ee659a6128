"""Long runs are only for who asks for them: `make soak`. Helpers assert as talkatively as tests do."""

import pytest

pytest.register_assert_rewrite("support.power_history", "support.promise")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in config.option.markexpr:
        return
    long_runs = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long_runs)
    items[:] = [item for item in items if item not in long_runs]
