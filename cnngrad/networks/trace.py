"""What flowed through every stage of a chain: forwards its outputs, backwards its cotangents and gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer


class StageError(Exception):
    """A stage of a chain raised; the message names the stage, the original error is the cause."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of a chain at one point.

    Attributes:
        inputs: what the stage was called with; the first is the output of the stage before.
        output: what its forward returned.
        cotangent: the gradient of the loss with respect to ``output``: the δ of the source texts when the stage is
            a convolution or a dense layer whose activation is a stage of its own.
        gradients: what its backward returned, by the stage's own input names.
    """

    name: str
    layer: Layer
    inputs: tuple[Any, ...]
    output: Any
    cotangent: Any
    gradients: Mapping[str, Any]

    @property
    def alone(self) -> Layer:
        """The stage as a layer to check at ``inputs``, named after both: ``C3.conv2d``."""
        return replace(alone(self.layer), name=f"{self.name}.{self.layer.name}")


def alone(layer: Layer) -> Layer:
    """A stage's layer with what it declares about other configurations left out: there is the one the chain uses."""
    config = None if callable(layer.config) else layer.config
    return replace(layer, dims=None, shapes=None, where=None, features={}, config=config)


@dataclass(frozen=True, eq=False)
class Trace:
    """Every stage of a chain at one point, first to last; ``trace["C3"]`` is the stage of that name."""

    stages: tuple[Stage, ...]

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UsageError(f"no stage {name!r}; the stages are {', '.join(stage.name for stage in self.stages)}")

    @property
    def output(self) -> Any:
        """The output of the last stage."""
        return self.stages[-1].output

    @property
    def gradients(self) -> dict[str, Any]:
        """The gradient of every input of the chain by its name there: ``x``, ``C1.w``, ``C1.b``, ..."""
        first = self.stages[0]
        own = {"x": first.gradients[first.layer.inputs[0]]}
        for stage in self.stages:
            own |= {f"{stage.name}.{name}": stage.gradients[name] for name in stage.layer.inputs[1:]}
        return own


@dataclass(frozen=True, eq=False)
class Passed:
    """A stage after its forward and before its backward."""

    name: str
    layer: Layer
    inputs: tuple[Any, ...]
    output: Any
    backward: Backward


def run_forward(stages: Mapping[str, Layer], inputs: Sequence[Any]) -> list[Passed]:
    """Hand the first input through all stages; the others go to the stages they belong to, in order."""
    flowing, *others = inputs
    rest = iter(others)
    passed: list[Passed] = []
    for name, layer in stages.items():
        given = (flowing, *islice(rest, len(layer.inputs) - 1))
        flowing, backward = _forward(name, layer, given)
        passed.append(Passed(name, layer, given, flowing, backward))
    return passed


def run_backward(passed: Sequence[Passed], dy: Any) -> Trace:
    """Hand the cotangent of the last output back through all stages."""
    traced: list[Stage] = []
    for stage in reversed(passed):
        if dy is None:
            above = traced[-1]
            raise StageError(f"stage {above.name} ({above.layer.name}): backward gave None for its first input")
        gradients = _pull(stage, dy)
        traced.append(Stage(stage.name, stage.layer, stage.inputs, stage.output, dy, gradients))
        dy = gradients[stage.layer.inputs[0]]
    return Trace(tuple(reversed(traced)))


def _forward(name: str, layer: Layer, inputs: tuple[Any, ...]) -> tuple[Any, Backward]:
    config = {} if layer.config is None or callable(layer.config) else layer.config
    try:
        return layer.vjp(*inputs, **config)
    except Exception as error:
        raise _named(name, layer, "forward", error) from error


def _pull(stage: Passed, dy: Any) -> dict[str, Any]:
    try:
        returned = stage.backward(dy)
        gradients = tuple(returned) if isinstance(returned, (tuple, list)) else (returned,)
        return dict(zip(stage.layer.inputs, gradients, strict=True))
    except Exception as error:
        raise _named(stage.name, stage.layer, "backward", error) from error


def _named(name: str, layer: Layer, call: str, error: Exception) -> Exception:
    """The same complaint with the stage's name. Bad input and unfinished code stay what they are."""
    where = f"stage {name} ({layer.name})"
    if isinstance(error, (UsageError, NotImplementedError)):
        return type(error)(f"{where}: {error}")
    return StageError(f"{where}: {call} raised {type(error).__name__}: {error}")
