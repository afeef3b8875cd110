"""Trying what was found, and the test file that comes of it."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.adapters import from_autograd, from_class, from_functions, from_jax, from_torch
from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.scaffold.found import Found
from cnngrad.scaffold.shapes import candidates
from cnngrad.scaffold.way import Way

ADAPTERS = SimpleNamespace(
    **{each.__name__: each for each in (from_autograd, from_class, from_functions, from_jax, from_torch)}
)
LABELS = "draw={%r: lambda rng, shape, d: rng.integers(0, 2, shape)}"


@dataclass(frozen=True)
class Proposal:
    """What goes into the test file for one thing that was found.

    Attributes:
        name: of the layer.
        seen: how it looked.
        code: the expression that makes the layer.
        needs: what the user has to say before it can be checked; empty if nothing.
    """

    name: str
    seen: str
    code: str
    needs: str = ""


def proposed(found: Sequence[Found], module: ModuleType, alias: str) -> list[Proposal]:
    """For each, the first way and the first shapes that its own code takes.

    What the code prints meanwhile is not shown.
    """
    names: set[str] = set()
    proposals = []
    for each in found:
        name = next(n for n in (each.name, *(f"{each.name}_{i}" for i in range(2, 99))) if n not in names)
        names.add(name)
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            proposals.append(_proposal(each, name, module, alias))
    return proposals


def _proposal(found: Found, name: str, module: ModuleType, alias: str) -> Proposal:
    if not found.ways[0].call:
        return _of_a_layer(found, getattr(module, found.name), alias)
    tried = [way for way in found.ways if not way.needs]
    for strict in (True, False):  # rather shapes at which the gradients have the inputs' shapes
        for way in tried:
            for code in _codes(way, name):
                if _runs(code, {alias: module}, strict):
                    return Proposal(name, found.seen, code)
    last = found.ways[-1]
    inputs = ", ".join(last.inputs)
    needs = last.needs or f"the shapes of {inputs}: none of the usual ones is taken by its forward and backward"
    shapes = "{" + ", ".join(f"{each!r}: ..." for each in last.inputs) + "}"
    return Proposal(name, found.seen, _laid_out(f"{last.call}, shapes={shapes}, name={name!r})"), needs)


def _of_a_layer(found: Found, layer: Layer, alias: str) -> Proposal:
    code = f"{alias}.{found.name}"
    if layer.dims or layer.shapes is not None:
        return Proposal(found.name, found.seen, code)
    shapes = "{" + ", ".join(f"{each!r}: ..." for each in layer.inputs) + "}"
    needs = f"the shapes of {', '.join(layer.inputs)}, where it is declared: shapes={shapes}"
    return Proposal(found.name, found.seen, code, needs)


def _codes(way: Way, name: str) -> Iterator[str]:
    for shapes in candidates(way.inputs, way.targets, way.known):
        facts = f"shapes={shapes!r}, name={name!r}"
        constants = "" if "constants=" in way.call or not way.targets else f", constants={way.targets!r}"
        plain = f"{way.call}{constants}, {facts})"
        labels = [f"{plain[:-1]}, {LABELS % target})" for target in way.targets[:1]]
        yield from map(_laid_out, (plain, *labels))


def _laid_out(code: str) -> str:
    """A call with one argument a line."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    arguments = [ast.unparse(each) for each in call.args]
    arguments += [f"{each.arg}={ast.unparse(each.value)}" for each in call.keywords]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{ast.unparse(call.func)}(\n{lines if chr(34) in lines else lines.replace(chr(39), chr(34))})"


def _runs(code: str, names: Mapping[str, Any], strict: bool) -> bool:
    """Whether a layer made in this way runs once forward and once backward."""
    try:
        layer = eval(code, {"cg": ADAPTERS, **names})  # our own text about the user's own module
        at = Evaluation(layer, Case(values="normal").point(layer))
        y, backward = at.vjp(at.point.inputs)
        size = flatten(outputs_of(y)).size
        gradients = at.by_name(at.pull(y, backward, np.ones(size)))
    except (UsageError, LayerRaised, ValueError, TypeError):
        return False
    alike = all(np.shape(gradients[name]) == np.shape(at.point[name]) for name in layer.differentiable)
    return size > 0 and (alike or not strict)


HEAD = '''"""Checks of the gradients in {module}, written by "cnngrad init {target}" and yours to change.

Run them with:  python -m pytest {file}

The shapes are the first usual ones that the code took. To have configurations searched instead of one, say which
sizes there are:  dims={{"n": (1, 3), "k": (1, 4)}}, shapes=lambda d: {{"x": (d.n, ...), ...}}
"""

import cnngrad as cg
import pytest

import {module}{as_alias}
'''
TESTS = """

@cg.parametrize_with_checks([{names}])
def test_gradients(layer, check):
    check(layer)
"""
UNTOLD = """

# Not checked yet; each says what it has to be told. Then it goes into the list above.
UNTOLD = {{
{entries}}}


@pytest.mark.parametrize("name", UNTOLD)
def test_is_still_to_be_told(name):
    pytest.skip(f"{{name}} needs {{UNTOLD[name]}}")
"""


def file_text(proposals: Sequence[Proposal], module: str, alias: str, target: str, file: str) -> str:
    """The whole text of a test file.

    Args:
        module: the dotted name it is imported by, ``alias`` in the code.
        target: what the command was given.
        file: what the test file is called.
    """
    ready = [each for each in proposals if not each.needs]
    untold = [each for each in proposals if each.needs]
    text = HEAD.format(module=module, target=target, file=file, as_alias="" if module == alias else f" as {alias}")
    if not untold:
        text = text.replace("import pytest\n", "")
    for each in ready:
        if each.code.startswith("cg."):
            text += f"\n# {each.seen}\n{each.name} = {each.code}\n"
    for each in untold:
        commented = "".join(f"# {line}\n" for line in f"{each.name} = {each.code}".splitlines())
        text += f"\n# {each.seen}; it needs {each.needs}:\n{commented}"
    if ready:
        text += TESTS.format(names=", ".join(e.name if e.code.startswith("cg.") else e.code for e in ready))
    if untold:
        text += UNTOLD.format(entries="".join(f"    {e.name!r}: {e.needs!r},\n" for e in untold))
    return text
