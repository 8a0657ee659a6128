"""Where a url leads."""

import pytest

from pixelwire.destinations.object_store.target import Target, endpoint_problem, read_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://events", Target("s3", "events", "")),
        ("s3://events/", Target("s3", "events", "")),
        ("s3a://my-events.2/raw/shop=1/", Target("s3", "my-events.2", "raw/shop=1")),
        ("gs://events/a b", Target("gs", "events", "a b")),
        ("az://container/raw", Target("az", "container", "raw")),
        ("abfss://container/raw", Target("az", "container", "raw")),
        ("file:///srv/events/", Target("file", "", "/srv/events")),
        ("file://localhost/srv/my%20events", Target("file", "", "/srv/my events")),
    ],
)
def test_a_url_is_scheme_bucket_and_prefix(url: str, expected: Target) -> None:
    """By the names that other programs use, too."""
    assert read_url(url) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("events", "must be one of"),
        ("https://bucket.s3.amazonaws.com", "must be one of"),
        ("S3://events\n", "does not show"),
        ("s3://", "no bucket"),
        ("az:///raw", "no container"),
        ("s3://a/../b", "odd character"),
        ("s3://a/b//c", "odd character"),
        ("s3://a/%2e%2e", "odd character"),
        ("s3://a/b?versionId=1", "after|follows"),
        ("s3://a/b#c", "follows"),
        ("s3://key@bucket/b", "credentials"),
        ("s3://evil.example:80/b", "no bucket"),
        ("s3://-/b", "no bucket"),
        ("s3://[::1/b", "not an address"),
        ("file://srv/events", "from the root"),
        ("file:srv", "from the root"),
        ("file:///", "folder of its own"),
        ("file:///srv/../etc", "without .."),
        ("file:///srv/%2e%2e/etc", "without .."),
        ("file:///srv/%0Aetc", "does not show"),
    ],
)
def test_what_leads_nowhere_is_told(url: str, words: str) -> None:
    """With what to give instead."""
    with pytest.raises(ValueError, match=words):
        read_url(url)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("https://minio.example:9000", ""),
        ("http://127.0.0.1:10000/devstoreaccount1", ""),
        ("minio.example", "must begin"),
        ("ftp://minio.example", "must begin"),
        ("https://", "must begin"),
        ("https://u:p@minio.example", "credentials"),
        ("https://minio.example/?x", "must not have"),
        ("https://minio.example:port", "is not an address"),
        ("https://minio .example", "has a space"),
    ],
)
def test_an_endpoint_is_an_address(endpoint: str, problem: str) -> None:
    """Without anything that belongs elsewhere."""
    found = endpoint_problem(endpoint)
    assert found.startswith(problem) or problem in found
    assert bool(found) == bool(problem)
