"""The gradient checkers of other projects next to this one, on the same NumPy layers, in one run.

``python -m benchmarks.peers``. Every checker is used as its documentation says, with its default settings; what had to
be chosen is said in ``PEERS``. A framework that is not installed is skipped, and a line says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np

from benchmarks.calls import convolution, counting, dense_192, multiple, once
from benchmarks.planting import of_the_largest, planted, somewhere
from benchmarks.sensitivity import MATCH, reference_points
from cnngrad.core.arrays import flatten, outputs_of, unflatten
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status

LAYERS = (
    "conv2d",
    "dense",
    "relu",
    "max_pool",
    "mean_pool",
    "sigmoid",
    "tanh",
    "softmax",
    "softmax_cross_entropy",
    "batch_norm",
    "p_norm_pool",
    "subsample",
    "sigmoid_conv",
    "neuron",
)
SCALES = ("scale:1e-6", "normal", "scale:1e6")
TRIALS = 20
MOST = 40  # entries of all inputs

Judge = Callable[[Layer, Point], str]  # "passed", "failed" or "inconclusive"


@dataclass(frozen=True)
class Peer:
    """A checker, what it needs, and how it was set."""

    name: str
    needs: str
    judge: Judge
    settings: str

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


def by_cnngrad(layer: Layer, point: Point) -> str:
    statuses = {result.status for result in MATCH.run(layer, point)}
    worst = (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE, Status.PASSED)
    return str(next(status for status in worst if status in statuses)).replace("error", "failed")


def of_free(layer: Layer, point: Point) -> tuple[Callable[..., Any], list[Any]]:
    """The vjp as a function of its differentiable inputs alone, and those inputs."""
    here = Evaluation(layer, point)
    free = here.free

    def vjp(*values: Any) -> tuple[Any, Callable[[Any], list[Any]]]:
        inputs = list(point.inputs)
        for i, value in zip(free, values, strict=True):
            inputs[i] = np.asarray(value)
        y, backward = layer.vjp(*inputs, **point.config)

        def pull(dy: Any) -> list[Any]:
            gradients = backward(np.asarray(dy)[()])
            return [np.asarray(gradients[i]) for i in free]

        return np.asarray(y), pull

    return vjp, [np.asarray(point.inputs[i]) for i in free]


def by_torch(fast: bool) -> Judge:
    def judge(layer: Layer, point: Point) -> str:
        import torch

        vjp, values = of_free(layer, point)

        def forward(ctx: Any, *tensors: Any) -> Any:
            y, ctx.pull = vjp(*(tensor.detach().numpy() for tensor in tensors))
            return torch.from_numpy(np.array(y))

        def backward(ctx: Any, dy: Any) -> Any:
            return tuple(torch.from_numpy(np.array(g)) for g in ctx.pull(dy.numpy()))

        once = torch.autograd.function.once_differentiable(backward)
        methods = {"forward": staticmethod(forward), "backward": staticmethod(once)}
        wrapped: Any = type("Wrapped", (torch.autograd.Function,), methods)
        tensors = [torch.from_numpy(value.copy()).requires_grad_() for value in values]
        torch.manual_seed(point.case.seed)
        right = torch.autograd.gradcheck(wrapped.apply, tensors, fast_mode=fast, raise_exception=False)
        return "passed" if right else "failed"

    return judge


def by_jax(layer: Layer, point: Point) -> str:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    vjp, values = of_free(layer, point)
    shape = jax.ShapeDtypeStruct(np.shape(vjp(*values)[0]), np.float64)
    shapes = tuple(jax.ShapeDtypeStruct(value.shape, np.float64) for value in values)

    f = jax.custom_vjp(lambda *inputs: jax.pure_callback(lambda *a: vjp(*a)[0], shape, *inputs))

    def forward(*inputs: Any) -> Any:
        return f(*inputs), inputs

    def backward(inputs: Any, dy: Any) -> Any:
        return jax.pure_callback(lambda dy, *a: tuple(vjp(*a)[1](dy)), shapes, dy, *inputs)

    f.defvjp(forward, backward)
    return _asserted(lambda: check_grads(f, tuple(values), order=1, modes=("rev",)))


def by_autograd(layer: Layer, point: Point) -> str:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    vjp, values = of_free(layer, point)
    f = primitive(lambda *inputs: vjp(*inputs)[0][()])
    makers = [lambda y, *inputs, i=i: lambda dy: vjp(*inputs)[1](dy)[i][()] for i in range(len(values))]
    defvjp(f, *makers)
    np.random.seed(point.case.seed)
    everything = tuple(range(len(values)))
    return _asserted(lambda: check_grads(f, everything, modes=["rev"], order=1)(*(value[()] for value in values)))


def by_scipy(direction: Literal["all", "random"]) -> Judge:
    def judge(layer: Layer, point: Point) -> str:
        from scipy.optimize import check_grad

        here = Evaluation(layer, point)
        dy = point.cotangent(flatten(outputs_of(here.output())).size)
        vjp, values = of_free(layer, point)

        def loss(vector: Any) -> float:
            return float(np.dot(dy, np.ravel(vjp(*unflatten(vector, values))[0])))

        def gradient(vector: Any) -> Any:
            y, pull = vjp(*unflatten(vector, values))
            return flatten(pull(dy.reshape(y.shape)))

        off = check_grad(loss, gradient, flatten(values), direction=direction, rng=point.case.seed)
        return "passed" if abs(off) < 1.5e-7 else "failed"

    return judge


def _asserted(check: Callable[[], Any]) -> str:
    try:
        check()
    except AssertionError:
        return "failed"
    return "passed"


PEERS = (
    Peer("cnngrad", "cnngrad", by_cnngrad, "one check, `gradients_match_forward`, at one point"),
    Peer("torch slow", "torch", by_torch(False), "`gradcheck`, defaults (float64, which it asks for)"),
    Peer("torch fast", "torch", by_torch(True), "`gradcheck(fast_mode=True)`, else defaults"),
    Peer("jax", "jax", by_jax, "`check_grads(order=1, modes=('rev',))` with 64 bits enabled, else defaults"),
    Peer("autograd", "autograd", by_autograd, "`check_grads(modes=['rev'], order=1)`, no other settings exist"),
    Peer(
        "scipy all", "scipy", by_scipy("all"), "`check_grad`; it gives a number, held below 1.5e-7 as SciPy's tests do"
    ),
    Peer("scipy random", "scipy", by_scipy("random"), "the same with direction='random'"),
)


def points_of(name: str, rule: str, count: int) -> list[tuple[Layer, Point]]:
    """The first small points of a layer whose gradient is not all zero; some checkers are slow."""
    points = (
        (layer, point)
        for layer, point in islice(reference_points((name,), rule), 2000)
        if sum(map(np.size, point.inputs)) <= MOST and somewhere(np.random.default_rng(0), layer, point)
    )
    return list(islice(points, count))


def smallest_caught(peer: Peer, name: str) -> str:
    """Down from 1e-1 in powers of ten: the last size caught in every trial."""
    points = points_of(name, "normal", TRIALS)
    found = "none"
    for power in range(1, 13):
        for number, (layer, point) in enumerate(points):
            place = somewhere(np.random.default_rng([number, power]), layer, point)
            assert place is not None
            if peer.judge(planted(layer, place, of_the_largest(10.0**-power)), point) != "failed":
                return found
        found = f"1e-{power}"
    return found


def false_alarms(peer: Peer, rule: str, count: int) -> str:
    """Right layers called wrong, of all; those it does not judge are named."""
    verdicts = [peer.judge(layer, point) for name in LAYERS for layer, point in points_of(name, rule, count)]
    vague = verdicts.count("inconclusive")
    return f"{verdicts.count('failed')} of {len(verdicts)}" + (f" ({vague} not judged)" if vague else "")


def cost(peer: Peer, layer: Layer, point: Point) -> str:
    calls = {"forward": 0, "backward": 0}
    verdict = peer.judge(counting(layer, calls), point)
    repeats = 1 if calls["forward"] > 1000 else 5
    times = multiple(lambda: peer.judge(layer, point), once(layer, point), repeats)
    return f"{calls['forward']:,} + {calls['backward']:,}, {times:,.0f} fb" + (", REFUSED" * (verdict == "failed"))


def report(quick: bool = False) -> str:
    """The tables, as Markdown."""
    warnings.simplefilter("ignore")  # the peers' own
    here = [peer for peer in PEERS if peer.installed]
    lines = [f"- {peer.name}: {peer.settings}" for peer in here]
    lines += [f"- {peer.name}: skipped, {peer.needs} is not installed" for peer in PEERS if not peer.installed]
    heads = " | ".join(peer.name for peer in here)
    rule = "|---" * (len(here) + 1) + "|"
    names = LAYERS[:4] if quick else LAYERS
    lines += ["", f"Smallest share of the largest entry, in one element, caught in {TRIALS} of {TRIALS} trials:", ""]
    lines += [f"| layer, values of 1 | {heads} |", rule]
    lines += [f"| {name} | " + " | ".join(smallest_caught(peer, name) for peer in here) + " |" for name in names]
    lines += ["", f"| right layers called wrong | {heads} |", rule]
    count = 2 if quick else 8
    for scale in SCALES:
        lines.append(f"| values {scale} | " + " | ".join(false_alarms(peer, scale, count) for peer in here) + " |")
    lines += ["", f"| forwards + backwards, time | {heads} |", rule]
    judged: dict[str, tuple[Layer, Point]] = {"dense 192 -> 10, batch 16": dense_192()}
    judged |= {} if quick else {"convolution 6 -> 12 5x5 on 12x12, batch 2": convolution(2, "normal")}
    lines += [f"| {name} | " + " | ".join(cost(p, *pair) for p in here) + " |" for name, pair in judged.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(report(parser.parse_args().quick))


if __name__ == "__main__":
    main()
