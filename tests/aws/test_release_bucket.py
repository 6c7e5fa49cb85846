"""The releases in the environment's bucket, and what of it the controller's policy allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.bucket import Bucket
from ansible_collections.django_ec2.site.plugins.module_utils.release.manifest import sha256
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.policies import bucket_policy

from lab.kinds.aws import control
from tests.aws.policies import compare
from tests.aws.rehearsal import Endpoint

NAME = "shop-production-releases-123456789012"
MANIFEST = "shop/live/3.13-x86_64-manylinux_2_28.json"


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An account with the bucket alone."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    found = Endpoint(home, control.start_at(home))
    where = {"LocationConstraint": control.REGION}
    found.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration=where)
    # As aws_provision.yml makes it.
    found.client("s3").put_bucket_policy(Bucket=NAME, Policy=json.dumps(bucket_policy(NAME, "aws")))
    yield found
    control.stop(home)


def release(place: Path, number: int, layer: str = "l1", here: bool = True) -> dict[str, Any]:
    """A release and its layer, with archives on this machine or without."""
    for name in (f"r{number}", layer):
        (place / name).write_bytes(name.encode() * 1000)
    return {
        "name": "shop", "release": f"r{number}", "version": f"v{number}", "layer": layer, "python": "3.13",
        "platform": "x86_64-manylinux_2_28", "host": "web1",
        "archive": str(place / f"r{number}") if here else "", "layer_archive": str(place / layer) if here else "",
    }  # fmt: skip


def publish(endpoint: Endpoint, one: dict[str, Any], kept: int = 2, check: bool = False) -> Bucket:
    bucket = Bucket(endpoint.client("s3"), NAME, check)
    bucket.publish(one, kept)
    return bucket


def keys(endpoint: Endpoint) -> list[str]:
    return [one["Key"] for one in endpoint.client("s3").list_objects_v2(Bucket=NAME).get("Contents", [])]


def live(endpoint: Endpoint) -> dict[str, Any]:
    return json.loads(endpoint.client("s3").get_object(Bucket=NAME, Key=MANIFEST)["Body"].read())


def test_the_live_release_is_there_before_its_manifest_and_is_uploaded_once(endpoint: Endpoint, tmp_path: Path) -> None:
    first = release(tmp_path, 1)
    begun = len(endpoint.calls())
    checked = publish(endpoint, first, check=True)
    assert (checked.moved, len(checked.uploaded)) == (["shop: nothing -> r1"], 2)
    assert keys(endpoint) == []

    publish(endpoint, first)
    writes = [one for one in endpoint.writes() if one == "s3:PutObject"]
    assert len(writes) == 3
    archive = {"key": "shop/releases/r1.tar.gz", "sha256": sha256(tmp_path / "r1"), "size": 2000}
    assert live(endpoint)["archive"] == archive
    assert (
        endpoint.client("s3").get_object(Bucket=NAME, Key=archive["key"])["Body"].read()
        == (tmp_path / "r1").read_bytes()
    )

    before = len(endpoint.calls())
    again = publish(endpoint, first)
    assert (again.moved, again.uploaded) == ([], [])
    assert [one["action"] for one in endpoint.calls()[before:]] == ["GetObject", "HeadObject", "HeadObject"]
    endpoint.client("s3").delete_object(Bucket=NAME, Key="shop/layers/l1.tar.gz")
    assert publish(endpoint, first).uploaded == ["shop/layers/l1.tar.gz"]

    for number in (2, 3, 4):
        publish(endpoint, release(tmp_path, number, layer=f"l{number}"))
    # A rollback: nobody has to have the archives, the bucket does.
    back = publish(endpoint, release(tmp_path, 3, layer="l3", here=False))
    assert (back.moved, back.uploaded, live(endpoint)["release"]) == (["shop: r4 -> r3"], [], "r3")
    assert keys(endpoint) == [
        "shop/layers/l3.tar.gz", "shop/layers/l4.tar.gz", MANIFEST, "shop/releases/r3.tar.gz", "shop/releases/r4.tar.gz",
    ]  # fmt: skip
    lacking = publish(endpoint, release(tmp_path, 1, here=False))
    assert [one["host"] for one in lacking.lacking] == ["web1"]
    assert live(endpoint)["release"] == "r3"
    compare("release_bucket", endpoint.calls()[begun:], {"s3:AbortMultipartUpload": "archives of more than 8 MB"})


def test_an_upload_that_was_cut_leaves_the_manifest_and_is_gone_on_with(endpoint: Endpoint, tmp_path: Path) -> None:
    publish(endpoint, release(tmp_path, 1))
    endpoint.client("s3").put_object(
        Bucket=NAME, Key="shop/releases/r2.tar.gz", Body=b"half of it", Metadata={"sha256": "0"}
    )
    endpoint.fault(service="s3", action="PutObject", code="SlowDown", status=503)
    with pytest.raises(Exception, match="SlowDown"):
        publish(endpoint, release(tmp_path, 2))
    assert live(endpoint)["release"] == "r1"
    publish(endpoint, release(tmp_path, 2))
    assert live(endpoint)["archive"]["sha256"] == sha256(tmp_path / "r2")
    assert endpoint.client("s3").head_object(Bucket=NAME, Key="shop/releases/r2.tar.gz")["ContentLength"] == 2000
