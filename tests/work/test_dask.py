"""executor= with Dask: two worker processes, the same reports, one of them killed, a run resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import cnngrad as cg
from cnngrad.core.errors import Interrupted
from cnngrad.verify import verify_layer
from cnngrad.work import Work
from tests.work import layers

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # its own threads and sockets warn


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("dask") / "died"
        patch.setenv("CNNGRAD_TEST_DIED", str(path))  # the workers inherit it
        yield path


@pytest.fixture(scope="module")
def cluster(trace: Path) -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


def test_the_same_reports(cluster: Executor, tmp_path: Path) -> None:
    factor = 2.0
    local = cg.Layer(lambda x: (factor * x, lambda dy: (factor * dy,)), ("x",), "local", shapes={"x": (3,)})
    with contextlib.chdir(tmp_path):
        for layer in (layers.right, layers.wrong, layers.raising, local, cg.layers.dense):
            options: dict[str, Any] = {"effort": "quick", "raise_on_failure": False}
            assert cg.check(layer, **options).to_json() == cg.check(layer, executor=cluster, **options).to_json()


def test_a_derivation_is_verified_there(cluster: Executor) -> None:
    with Work(cluster) as work:
        assert verify_layer(cg.layers.conv1d, work=work) == verify_layer(cg.layers.conv1d)


def test_a_killed_worker_loses_nothing(cluster: Executor, trace: Path) -> None:
    report = cg.check(layers.killed, effort="exhaustive", executor=cluster)
    assert trace.exists()
    assert report.to_json() == cg.check(layers.killed, effort="exhaustive").to_json()


def test_a_layer_that_kills_every_worker_is_told(cluster: Executor) -> None:
    report = cg.check(layers.dying, effort="exhaustive", executor=cluster, raise_on_failure=False)
    lost = [result for result in report.results if result.status == "error"]
    assert [result.case and result.case.sizes for result in lost] == [{"n": 2, "width": 3}] * 2
    assert len(report.cases) == 16


def test_an_interrupted_run_is_resumed(cluster: Executor, tmp_path: Path) -> None:
    file, seen = tmp_path / "run.jsonl", 0

    def watch(case: cg.Case) -> None:
        nonlocal seen
        seen += 1
        if seen == 7:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"effort": "exhaustive", "executor": cluster, "resume": file}
    with pytest.raises(Interrupted):
        cg.check(layers.right, watch=watch, **options)
    kept = file.read_bytes()
    assert kept.count(b"\n") >= 7
    assert cg.check(layers.right, **options).to_json() == cg.check(layers.right, effort="exhaustive").to_json()
    assert file.read_bytes().startswith(kept)
    lines = file.read_bytes().splitlines()
    assert len(lines) == len(set(lines)) == 16
