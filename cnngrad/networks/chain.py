"""Layers one after another: the chain rule, with every parameter's gradient by name.

a_0 = x,  a_l = f_l(a_(l-1), θ_l)            forwards
δ_L = dy,  (δ_(l-1), dθ_l) = vjp of f_l at δ_l   backwards
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np

from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer, Vjp
from cnngrad.networks.trace import Trace, alone, run_backward, run_forward

Part = tuple[str, Layer, tuple[Any, ...]]


@dataclass(frozen=True, repr=False)
class Chain(Layer):
    """A layer made of stages. Made by :func:`chain`; ``dataclasses.replace(net, shapes=...)`` declares its shapes.

    Attributes:
        stages: the layers by their names, first to last.
    """

    stages: Mapping[str, Layer] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """The declared facts of a plain layer: the stages stay with the chain."""
        return {name: fact for name, fact in super().facts.items() if name != "stages"}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The inputs that are learnt: all but ``x`` and the constants."""
        return tuple(name for name in self.differentiable if name != "x")

    def configured(self, **config: Any) -> Layer:
        """A chain takes no keywords of its own.

        Raises:
            UsageError: always; it says where the keywords belong.
        """
        raise UsageError(
            f"a chain takes no keywords ({', '.join(config)} given): configure the stage they belong to, "
            "chain(C1=conv2d.configured(stride=2), ...)"
        )

    def trace(self, *inputs: Any, dy: Any = None) -> Trace:
        """Every stage's output, cotangent and gradients at one point.

        Args:
            inputs: in the order of ``self.inputs``.
            dy: the cotangent of the last output; 1 if left out, for a chain that ends in a scalar loss.

        Raises:
            UsageError: the wrong number of inputs, or no ``dy`` where the last output is an array.

        >>> double = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "double")
        >>> trace = chain(A=double, B=double).trace(np.ones(1), dy=np.ones(1))
        >>> trace["A"].output, trace["A"].cotangent, trace.gradients
        (array([2.]), array([2.]), {'x': array([4.])})
        """
        passed = run_forward(self.stages, _counted(self.inputs, inputs))
        if dy is None and np.ndim(passed[-1].output) > 0:
            raise UsageError(
                f"the last stage gives an array of shape {np.shape(passed[-1].output)}, so trace needs its cotangent: "
                "trace(*inputs, dy=...) with that shape"
            )
        return run_backward(passed, 1.0 if dy is None else dy)

    def until(self, stage: str) -> Chain:
        """The chain of the stages up to ``stage``, that one included: the network without its loss, say.

        Raises:
            UsageError: there is no such stage.

        >>> double = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "double")
        >>> list(chain(A=double, B=double).until("A").stages)
        ['A']
        """
        if stage not in self.stages:
            raise UsageError(f"no stage {stage!r}; the stages are {', '.join(self.stages)}")
        before = takewhile(lambda name: name != stage, self.stages)
        return chain(**{name: self.stages[name] for name in before}, **{stage: self.stages[stage]})


def chain(**stages: Layer) -> Chain:
    """Compose layers: each stage's first input is the output of the stage before.

    The inputs are ``x``, the first stage's first input, then every stage's other inputs by the stage's name:
    ``C1.w``, ``C1.b``, ``E.t``. What a stage declares about those inputs (constants, draw, domain, a gradient that
    is zero on purpose) holds for the chain.

    Raises:
        UsageError: no stages, a stage that is no layer, or a later stage whose first input is a constant.

    >>> times = Layer(lambda x, w: (w * x, lambda dy: (w * dy, (dy * x).sum())), ("x", "w"), "times")
    >>> net = chain(A=times, B=times)
    >>> net.inputs
    ('x', 'A.w', 'B.w')
    >>> y, backward = net(np.array([2.0]), 3.0, 5.0)
    >>> [float(np.squeeze(gradient)) for gradient in backward(np.ones(1))]
    [15.0, 10.0, 6.0]
    """
    _refuse_wrong_stages(stages)
    inputs = ("x", *(f"{name}.{other}" for name, layer in stages.items() for other in layer.inputs[1:]))
    return Chain(
        vjp=_composed(stages, inputs),
        inputs=inputs,
        name="chain",
        constants=_named_facts(stages, "constants"),
        draw=_renamed(stages, "draw"),
        domain=_renamed(stages, "domain"),
        zero_gradient=_named_facts(stages, "zero_gradient"),
        parts=_parts(stages),
        stages=dict(stages),
    )


def _composed(stages: Mapping[str, Layer], names: tuple[str, ...]) -> Vjp:
    def vjp(*inputs: Any) -> tuple[Any, Backward]:
        passed = run_forward(stages, _counted(names, inputs))

        def backward(dy: Any) -> tuple[Any, ...]:
            gradients = run_backward(passed, dy).gradients
            return tuple(gradients[name] for name in names)

        return passed[-1].output, backward

    return vjp


def _parts(stages: Mapping[str, Layer]) -> Callable[..., list[Part]]:
    """Every stage with what flows into it; of a stage that is a chain itself, its own stages."""

    def parts(*inputs: Any) -> list[Part]:
        found: list[Part] = []
        for stage in run_forward(stages, inputs):
            inner = stage.layer.parts(*stage.inputs) if stage.layer.parts else []
            found += [(f"{stage.name}.{name}", layer, given) for name, layer, given in inner]
            found += [] if inner else [(stage.name, alone(stage.layer), stage.inputs)]
        return found

    return parts


def _counted(names: tuple[str, ...], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(inputs) != len(names):
        raise UsageError(f"the chain takes {len(names)} inputs ({', '.join(names)}), {len(inputs)} were given")
    return inputs


def _refuse_wrong_stages(stages: Mapping[str, Layer]) -> None:
    if not stages:
        raise UsageError("a chain needs at least one stage: chain(C1=conv2d, R1=relu)")
    for position, (name, layer) in enumerate(stages.items()):
        if not isinstance(layer, Layer):
            raise UsageError(
                f"stage {name} is {type(layer).__name__}, not a Layer: wrap a vjp with cg.Layer, a forward/backward "
                "pair with cg.from_functions"
            )
        if position and layer.inputs[0] in layer.constants:
            raise UsageError(
                f"stage {name} ({layer.name}) declares its first input {layer.inputs[0]} a constant, so no gradient "
                "can flow back through it; only the first stage of a chain may"
            )


def _names(stages: Mapping[str, Layer]) -> dict[tuple[str, str], str]:
    """(stage, its input) -> the chain's input; the inputs that come from the stage before are not among them."""
    names = {(name, other): f"{name}.{other}" for name, layer in stages.items() for other in layer.inputs[1:]}
    first, layer = next(iter(stages.items()))
    return {(first, layer.inputs[0]): "x", **names}


def _named_facts(stages: Mapping[str, Layer], fact: str) -> tuple[str, ...]:
    names = _names(stages)
    return tuple(
        names[stage, own] for stage, layer in stages.items() for own in getattr(layer, fact) if (stage, own) in names
    )


def _renamed(stages: Mapping[str, Layer], fact: str) -> dict[str, Any]:
    names = _names(stages)
    return {
        names[stage, own]: declared
        for stage, layer in stages.items()
        for own, declared in getattr(layer, fact).items()
        if (stage, own) in names
    }
