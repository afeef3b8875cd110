"""Every example: the right layer passes, the wrong one fails, and the glue is as short as it is said to be."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnngrad as cg

EXAMPLES = Path(__file__).parents[1] / "examples"
MODULES = {
    "torch_function": "torch",
    "jax_custom_vjp": "jax",
    "autograd_primitive": "autograd",
    "cpp_layer": "pybind11",
}
COMPILERS = {"c_layer": "gcc", "cpp_layer": "g++"}
SLOW = {*MODULES, *COMPILERS, "octave_files"}  # the last starts a program for every call
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/layers.py"))


def example(name: str) -> Any:
    return pytest.param(name, marks=[pytest.mark.integration] if name in SLOW else [], id=name)


every_example = pytest.mark.parametrize("name", [example(name) for name in NAMES])


def load(name: str) -> ModuleType:
    """The example, imported as a file."""
    if name in COMPILERS and shutil.which(COMPILERS[name]) is None:
        pytest.skip(f"no {COMPILERS[name]}")
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / name / "layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@every_example
def test_right_passes_and_wrong_fails(name: str) -> None:
    jax = pytest.importorskip("jax") if name == "jax_custom_vjp" else None
    before = jax.config.jax_enable_x64 if jax else None
    module = load(name)
    try:
        report = cg.check(module.right, effort="quick", raise_on_failure=False)
        assert report.ok, str(report)
        assert cg.check(module.wrong, effort="quick", raise_on_failure=False, diagnose=False).status == "failed"
    finally:
        if jax:
            jax.config.update("jax_enable_x64", before)


@pytest.mark.integration
def test_compiled_code_that_takes_contiguous_arrays_only_says_so() -> None:
    module = load("c_layer")
    undeclared = replace(module.right, contiguous=False)
    report = cg.check(undeclared, effort="quick", raise_on_failure=False, diagnose=False)
    assert {result.check for result in report.failures} == {"array_layouts_do_not_matter"}
    assert "ArgumentError: argument 1: TypeError: array must have flags ['C_CONTIGUOUS']" in str(report)
    assert "if the layer is not meant for such arrays, declare contiguous=True" in str(report)
    assert cg.check(module.right, np.arange(12.0)[::2], np.array([1.0, -2.0])[::-1], effort="quick").ok


@pytest.mark.integration
def test_octave_itself_runs_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("octave-cli") is None:
        pytest.skip("no octave-cli: conv_layer.m runs only where GNU Octave is installed; its stand-in is tested above")
    description = load("octave_files").__doc__ or ""
    (command,) = [line.strip() for line in description.splitlines() if line.startswith("    octave-cli")]
    monkeypatch.setenv("CONV_COMMAND", command)
    module = load("octave_files")
    # Octave starts for every call, about a hundred here: one check, and of the wrong layer one point.
    only: Any = {"select": ("gradients_match_forward",), "effort": "quick", "raise_on_failure": False}
    report = cg.check(module.right, **only)
    assert report.ok, str(report)
    report = cg.check(module.wrong, **only, case="values=integers seed=0", diagnose=False)
    assert [(result.check, result.input) for result in report.failures] == [("gradients_match_forward", "w")]


@pytest.mark.integration
def test_what_the_program_behind_the_files_complains_of_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("octave_files")
    monkeypatch.setattr(module, "COMMAND", f"{module.STAND_IN} and one word too many")
    with pytest.raises(cg.UsageError, match=r"(?s)ended with 1: .*TypeError: main\(\) takes 2 positional arguments"):
        cg.check(module.right, effort="quick")


@pytest.mark.parametrize("name", NAMES)
def test_glue_takes_at_most_five_lines(name: str) -> None:
    source = (EXAMPLES / name / "layers.py").read_text("utf-8")
    _, glue = source.split("# The glue: ")
    code = [line for line in glue.splitlines()[1:] if not line.startswith("wrong =")]
    assert 1 <= len(code) <= 5
    assert f"cnngrad check examples/{name}/layers.py:right" in source
    assert f"cnngrad check examples/{name}/layers.py:wrong" in source


def test_there_are_examples_of_every_kind() -> None:
    assert set(NAMES) >= {"functions", "classes", "preactivation", "update_in_place", "whole_network", *SLOW}
