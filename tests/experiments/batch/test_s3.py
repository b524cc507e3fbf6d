"""Stores at an S3 address, served on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr

from experiments.batch.driver import run_batch
from experiments.batch.journal import read_history
from experiments.batch.objects import Objects
from experiments.batch.pools import Serial
from experiments.batch.processes import Processes
from experiments.batch.status import status_of
from experiments.batch.store import open_store
from model.errors import InputError
from tests.experiments.batch.toys import Toy, layout_of
from tests.experiments.batch.trees import differing, tree

TOY = Toy(fails=(7,))
LAYOUT = layout_of(TOY, 90, 20)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Address of an empty bucket; workers find the server by the environment."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "dummy")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "dummy")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        place = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="futures", CreateBucketConfiguration=place)
        yield "s3://futures"
    server.stop()


def test_s3_holds_the_same_and_resumes(bucket: str, tmp_path: Path) -> None:
    run_batch(TOY, LAYOUT, str(tmp_path / "store"), Serial())
    whole = tree(tmp_path / "store")
    for name, pool in (("one", Serial()), ("two", Processes(2))):
        run_batch(TOY, LAYOUT, f"{bucket}/studies/{name}", pool)
        assert differing(whole, tree(f"{bucket}/studies/{name}")) == []
    url = f"{bucket}/studies/one"
    objects = Objects(url)
    objects.delete("values/c/3/0")
    objects.put("values/c/1/0", (objects.get("values/c/1/0") or b"")[:-9])
    assert list(status_of(url, verify=True).damaged) == ["block 1", "block 3"]
    assert run_batch(TOY, LAYOUT, url, Serial()).computed == 40
    assert differing(whole, tree(url)) == []
    assert read_history(url).again == 2
    assert open_store(url)["state"].values.tolist().count("done") == 89
    with xr.open_zarr(url) as dataset:
        assert dataset["values"].sizes["run"] == 90
    other = Toy(digest="e" * 64)
    with pytest.raises(InputError, match="another study"):
        run_batch(other, layout_of(other, 90, 20), url, Serial())


def test_a_bucket_that_is_not_there_is_refused(bucket: str) -> None:
    with pytest.raises(InputError, match="cannot be written here"):
        run_batch(TOY, LAYOUT, f"{bucket}-of-others/store", Serial())
