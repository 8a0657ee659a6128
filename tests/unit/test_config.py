"""Settings: who wins, and how problems are said."""

from pathlib import Path

import pytest

from pixelwire.config import Settings, load, load_with_origins
from pixelwire.config_problems import EXPECTED
from pixelwire.errors import ConfigError


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.toml"
    path.write_text(text)
    return path


def problems(path: Path | None = None, **flags: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, **flags)
    return caught.value.problems


def test_defaults_listen_on_loopback_only() -> None:
    """A server that was told nothing is reached from its own machine only."""
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.manage_host, settings.manage_port) == ("127.0.0.1", 8081)
    assert settings.trusted_proxies == []
    assert not settings.metrics_public


def test_flags_win_over_environment_and_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearer a value is to the call, the more it counts."""
    path = write(tmp_path, "port = 1001\nmanage_port = 1002\nworkers = 3\n")
    monkeypatch.setenv("PIXELWIRE_MANAGE_PORT", "2002")
    monkeypatch.setenv("PIXELWIRE_WORKERS", "4")
    settings, origins = load_with_origins(path, workers="5", host=None)
    assert (settings.port, settings.manage_port, settings.workers) == (1001, 2002, 5)
    assert origins["port"] == str(path)
    assert origins["manage_port"] == "PIXELWIRE_MANAGE_PORT"
    assert origins["workers"] == "--workers"
    assert origins["host"] == "default"


def test_the_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    """`pixelwire.toml` needs no flag."""
    (tmp_path / "pixelwire.toml").write_text("port = 1001\n")
    assert load().port == 1001


def test_a_relative_data_directory_in_a_file_starts_at_the_file(tmp_path: Path) -> None:
    """A configuration file means the same wherever the command is run."""
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / "pixelwire.toml"
    path.write_text('data_dir = "data"\n')
    assert load(path).data_dir == tmp_path / "etc" / "data"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass on variables that are not set as empty ones."""
    monkeypatch.setenv("PIXELWIRE_PORT", "")
    monkeypatch.setenv("PIXELWIRE_PUBLIC_URL", "")
    settings, origins = load_with_origins()
    assert (settings.port, settings.public_url, origins["port"]) == (8080, None, "default")


def test_lists_in_variables_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to write JSON into a variable."""
    monkeypatch.setenv("PIXELWIRE_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    assert load().trusted_proxies == ["10.0.0.0/8", "::1/128"]


def test_localhost_is_resolved_here() -> None:
    """All parts of the server mean the same address by it."""
    assert load(host="localhost", manage_host="[::1]").host == "127.0.0.1"
    assert load(host="localhost", manage_host="[::1]").manage_host == "::1"


def test_all_problems_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run shows everything there is to mend, with the place of each."""
    path = write(tmp_path, 'prot = 1\nlog_level = "loud"\n[server]\nport = 1\n')
    monkeypatch.setenv("PIXELWIRE_WORKERS", "99")
    monkeypatch.setenv("PIXELWIRE_WORKRES", "2")
    found = "\n".join(problems(path, port="high"))
    assert "port: 'high' (--port) is not a port; use 0 to 65535" in found
    assert f"log_level: 'loud' ({path}) is not debug, info, warning or error" in found
    assert "workers: '99' (PIXELWIRE_WORKERS) is not a number of processes; use 1 to 64" in found
    assert f"prot ({path}): is no setting; did you mean port?" in found
    assert "PIXELWIRE_WORKRES (environment): is no setting; did you mean PIXELWIRE_WORKERS?" in found
    assert "settings stand at the top, in no table" in found
    assert len(found.splitlines()) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "65536"),
        ("port", "-1"),
        ("port", True),
        ("port", 80.5),
        ("port", ""),
        ("host", ""),
        ("host", "example.org"),
        ("host", "127.0.0.1:80"),
        ("manage_port", "http"),
        ("workers", "0"),
        ("workers", "65"),
        ("public_url", "pixel.example.org"),
        ("public_url", "ftp://pixel.example.org"),
        ("public_url", "https://"),
        ("public_url", "https://pixel.example.org:99999"),
        ("public_url", "https://pixel.example.org/?a=1"),
        ("public_url", "https://user:secret@pixel.example.org"),
        ("trusted_proxies", "everyone"),
        ("trusted_proxies", [7]),
        ("trusted_proxies", 7),
        ("client_address_header", ""),
        ("client_address_header", "x-real ip"),
        ("client_address_header", "Forwarded"),
        ("metrics_public", "perhaps"),
        ("allow_private_destinations", "2"),
        ("log_format", "xml"),
        ("retention_days", -1),
        ("retention_days", "a week"),
        ("retention_days", 2.5),
        ("retention_bytes", "50 bananas"),
        ("retention_bytes", -1),
        ("retention_free_bytes", True),
        ("log_level", "loud"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line_with_what_would(name: str, value: object) -> None:
    """The line names the setting, the flag it came from and what to write."""
    (line,) = problems(**{name: value})
    assert line.startswith(f"{name}: ")
    assert f"(--{name.replace('_', '-')})" in line
    assert EXPECTED[name] in line


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://pixel.example.org/", "https://pixel.example.org"),
        (" http://[::1]:80/px ", "http://[::1]:80/px"),
    ],
)
def test_a_public_url_is_kept_without_its_last_slash(given: str, kept: str) -> None:
    """Paths are appended to it."""
    assert load(public_url=given).public_url == kept


def test_an_address_inside_a_network_is_answered_with_the_network() -> None:
    """The commonest slip in a list of networks is mended in the message."""
    (line,) = problems(trusted_proxies=["10.0.0.1/8"])
    assert "write '10.0.0.0/8'" in line


def test_the_two_ports_differ_unless_the_system_chooses() -> None:
    """Pixels and management are never on one port."""
    assert problems(port="9000", manage_port="9000") == [
        "port, manage_port (--port and --manage-port): are the same port; give each its own, or 0"
    ]
    assert load(port="0", manage_port="0").port == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1_000, 1_000),
        ("1000", 1_000),
        ("50GB", 50_000_000_000),
        ("50 gib", 50 * 2**30),
        ("1.5k", 1_500),
        ("2 TiB", 2**41),
        ("0", 0),
    ],
)
def test_a_size_may_have_a_unit(given: object, kept: int) -> None:
    """As people write it."""
    assert load(retention_bytes=given).retention_bytes == kept


def test_a_hard_limit_is_harder_than_the_soft_one() -> None:
    """Else the soft one would never be waited for; 0 is no limit and compares with nothing."""
    (problem,) = problems(retention_bytes="50GB", retention_hard_bytes="40GB")
    assert problem.startswith("retention_hard_bytes, retention_bytes (")
    (problem,) = problems(retention_free_bytes=1_000, retention_hard_free_bytes=2_000)
    assert problem.startswith("retention_hard_free_bytes, retention_free_bytes (")
    assert load(retention_bytes=50, retention_hard_bytes=50, retention_hard_free_bytes=5)


def test_events_are_kept_for_as_long_as_their_ids_count() -> None:
    """A day is shorter than the 48 hours in which a message id is a duplicate."""
    assert "2 and more" in problems(retention_days=1)[0]
    assert (load(retention_days=2).retention_days, load(retention_days="0").retention_days) == (2, 0)


def test_a_file_that_can_not_be_read_is_one_problem(tmp_path: Path) -> None:
    """A missing or broken file is said with its name."""
    (missing,) = problems(tmp_path / "none.toml")
    assert "none.toml: can not be read" in missing
    (broken,) = problems(write(tmp_path, "port = \n"))
    assert "given.toml: is not TOML" in broken
    assert "line 1" in broken


def test_a_file_that_can_not_be_read_hides_no_other_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags and variables are checked all the same."""
    monkeypatch.setenv("PIXELWIRE_PROT", "1")
    assert len(problems(tmp_path / "none.toml", workers="0")) == 3


def test_a_file_in_place_of_the_data_directory_is_a_problem(tmp_path: Path) -> None:
    """It is found before the server starts."""
    (tmp_path / "data").write_text("")
    assert problems() == ["data_dir: 'data' (default) is a file; name a directory"]


def test_variables_of_a_kubernetes_service_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service called pixelwire puts PIXELWIRE_PORT=tcp://... into every pod beside it."""
    monkeypatch.setenv("PIXELWIRE_PORT", "tcp://10.0.0.1:8080")
    monkeypatch.setenv("PIXELWIRE_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("PIXELWIRE_PORT_8080_TCP_ADDR", "10.0.0.1")
    found = problems()
    assert len(found) == 3
    assert all("enableServiceLinks: false" in line for line in found)


def test_variables_of_the_command_line_are_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment is no unknown setting."""
    monkeypatch.setenv("PIXELWIRE_TOKEN", "pw_x")
    monkeypatch.setenv("PIXELWIRE_CONFIG", "pixelwire.toml")
    load()


def test_every_setting_says_what_it_expects() -> None:
    """A new setting comes with its sentence."""
    assert set(EXPECTED) == set(Settings.model_fields)


@pytest.mark.parametrize("name", ["minimal", "full"])
def test_the_examples_are_valid(name: str) -> None:
    """What the examples show can be used as it is."""
    load(Path(__file__).parents[2] / "examples" / f"pixelwire.{name}.toml")


def test_the_full_example_shows_every_setting() -> None:
    """No setting is missing from it."""
    _, origins = load_with_origins(Path(__file__).parents[2] / "examples" / "pixelwire.full.toml")
    assert "default" not in origins.values()
