"""executor=: the same report whoever does the work, and a unit that never answers takes nothing else with it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.result import Status
from cnngrad.work import Processes
from cnngrad.work.ordered import Pool
from tests.work import layers


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with Processes(2) as executor:
        executor.submit(int).result()  # starts a worker in another folder than the one that is checked from
        yield executor


def checked(layer: cg.Layer, *arrays: Any, **options: Any) -> cg.Report:
    return cg.check(layer, *arrays, **{"effort": "quick", "raise_on_failure": False, **options})


def same_reports(executor: Executor) -> None:
    x = np.array([[0.5, -1.5, 2.0]])
    runs: list[tuple[cg.Layer, tuple[Any, ...], dict[str, Any]]] = [
        (layers.right, (x,), {"effort": "normal", "select": ("gradients_match_forward",)}),
        (layers.right, (), {"shapes": {"x": (2, 4)}}),
        (layers.wrong, (), {"seed": 3}),
        (layers.wrong, (x,), {"diagnose": False}),
        (layers.wrong, (), {"case": "n=2 width=2 values=integers seed=5", "diagnose": False}),
        (layers.raising, (), {"effort": "exhaustive", "exclude": ("gradients_agree_in_float32",)}),
    ]
    for layer, arrays, options in runs:
        alone, together = (checked(layer, *arrays, **options, **how) for how in ({}, {"executor": executor}))
        assert alone.to_json() == together.to_json(), (layer, options)
        assert str(alone) == str(together)


def test_the_report_is_the_same(pool: Executor, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        same_reports(pool)


@pytest.mark.integration
def test_the_report_is_the_same_from_threads(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), ThreadPoolExecutor(2) as threads:
        same_reports(threads)


def test_workers_that_die_after_a_cancellation_do_so_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at Ctrl-C, which ends the workers of a pool while what waits is cancelled."""
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        pool = Pool(executor)
        futures = [pool.submit(partial(time.sleep, 5)) for _ in range(9)]
        while not futures[1].running():  # then the worker's queue is full, and the pool looks at no other for now
            time.sleep(0.01)
        assert all(future.cancel() for future in futures[5:])
        (worker,) = executor._processes
        os.kill(worker, signal.SIGKILL)
        assert all(isinstance(future.exception(timeout=30), BrokenExecutor) for future in futures[:2])
    assert said == []


def blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_interrupt_waits_while_a_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []
    start = BaseProcess.start

    def noted(process: BaseProcess) -> None:
        started.append(blocked())
        start(process)

    monkeypatch.setattr(BaseProcess, "start", noted)
    with Processes(1) as executor:
        there = executor.submit(blocked), executor.submit(signal.getsignal, signal.SIGINT)
        assert (started, blocked()) == ([True], False)
        assert [future.result() for future in there] == [False, signal.SIG_DFL]


def test_a_worker_that_dies_takes_nothing_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNGRAD_TEST_DIED", str(tmp_path / "died"))
    alone = checked(layers.killed, effort="exhaustive")
    seen: list[cg.Case] = []
    # A pool handed in breaks for good: the rest is done by a process of our own.
    with ProcessPoolExecutor(2, get_context("spawn")) as broken:
        report = checked(layers.killed, effort="exhaustive", executor=broken, watch=seen.append)
    assert (tmp_path / "died").exists()
    assert alone.ok
    assert report.to_json() == alone.to_json()
    assert tuple(seen) == report.cases


@pytest.mark.integration
def test_the_one_that_kills_its_worker_is_told(pool: Executor) -> None:
    report = checked(layers.dying, effort="exhaustive", executor=pool)
    whole = checked(layers.right, effort="exhaustive")
    errors = [result for result in report.results if result.status == Status.ERROR]
    assert {result.case.sizes == {"n": 2, "width": 3} for result in errors if result.case} == {True}
    assert errors[0].reason.startswith("the process that ran it died, and died again when it ran it alone: ")
    assert errors[0].reproduce == f'cg.check(dying, case="{errors[0].case}")'
    assert report.status == "error"
    # Every other case was judged as ever.
    assert len(errors) == 2
    assert set(report.cases) == set(whole.cases)
    lost = {result.case for result in errors}
    found, wanted = (
        [(r.check, r.input, str(r.status), r.entries, r.case) for r in each.results if r.case and r.case not in lost]
        for each in (report, whole)
    )
    assert found == wanted


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.integration)])
def test_a_layer_that_hangs_is_stopped(workers: int, pool: Executor) -> None:
    how: dict[str, Any] = {"executor": pool} if workers else {}
    report = checked(layers.hanging, effort="exhaustive", time_limit=0.3, **how)
    errors = [result for result in report.results if result.status == Status.ERROR]
    assert [result.case and result.case.sizes for result in errors] == [{"n": 2, "width": 3}] * 2
    assert errors[0].reason == "no answer within 0.3 seconds: it hangs, or needs a larger time limit"
    assert len(report.cases) == 16
    assert "hanging: gradients_match_forward error: no answer within 0.3 seconds" in str(report)


def test_memory_that_is_not_there_is_an_error_of_the_layer(pool: Executor) -> None:
    for how in ({}, {"executor": pool}):
        report = checked(layers.greedy, effort="exhaustive", **how)
        assert report.status == "error"
        assert "greedy: gradients_match_forward error: forward raised MemoryError: Unable to al" in str(report)


def test_what_is_refused(pool: Executor, tmp_path: Path) -> None:
    local = cg.Layer(layers.right.vjp, ("x",), "local", shapes={"x": (3,)})
    wrong_uses: list[tuple[dict[str, Any], str]] = [
        ({"executor": 2}, "executor takes a concurrent.futures.Executor, not 2: pass ProcessPoolExecutor(), or "),
        ({"time_limit": 0}, "time_limit is 0; it takes seconds, a number above 0"),
        ({"time_limit": "soon"}, "time_limit is 'soon'; it takes seconds, a number above 0"),
        ({"resume": "."}, "cannot resume from .: "),
        ({"resume": __file__}, " is no file to resume from, by its line 1: name another one, or a new one"),
    ]
    for keywords, sentence in wrong_uses:
        with pytest.raises(cg.UsageError) as refusal:
            checked(layers.right, **keywords)
        assert sentence in str(refusal.value)
    with ThreadPoolExecutor(1) as threads, pytest.raises(cg.UsageError, match="cannot be kept in a thread of this pro"):
        checked(layers.right, executor=threads, time_limit=1)
    with pytest.raises(cg.UsageError, match="local cannot be resumed: what it is made of is unknown to another run"):
        checked(local, resume=tmp_path / "never.jsonl")


def test_a_layer_that_cannot_be_sent(pool: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    factor = 2.0
    local = cg.Layer(lambda x: (factor * x, lambda dy: (factor * dy,)), ("x",), "local", shapes={"x": (3,)})
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # as where Dask is not installed
    with pytest.raises(cg.UsageError) as refusal:
        checked(local, executor=pool)
    assert str(refusal.value).startswith("local cannot be sent to another process (")
    assert str(refusal.value).endswith(
        "): make it at the top of a module, where a worker finds it by its name, install cloudpickle, or leave out "
        "executor= and --jobs"
    )
    # One of that name in a module of the workers, which is another layer, is not taken for it.
    monkeypatch.setattr(layers, "right", cg.Layer(layers.wrong.vjp, ("x",), "another", **layers.DIMS))
    with pytest.raises(cg.UsageError, match=r"another layer at tests[.]work[.]layers:right than the one"):
        checked(layers.right, executor=pool)
