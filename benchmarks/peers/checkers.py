"""Every checker as a function of a layer and a point, used as its documentation says.

Forward-mode and second derivatives are switched off where they are the default: a NumPy backward has neither. What else
was chosen is said in ``PEERS``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import cnngrad as cg
from benchmarks.sensitivity import MATCH
from cnngrad.core.arrays import flatten, outputs_of, unflatten
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status


@dataclass(frozen=True)
class Verdict:
    """``passed``, ``failed`` or ``inconclusive``, and what the user reads of a failure."""

    status: str
    message: str = ""


Judge = Callable[[Layer, Point], Verdict]


@dataclass(frozen=True)
class Peer:
    """A checker, what it needs, and how it was set."""

    name: str
    needs: str
    way: Judge
    settings: str

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None

    def judge(self, layer: Layer, point: Point) -> Verdict:
        """Whatever is raised is a refusal: the user sees it."""
        try:
            return self.way(layer, point)
        except Exception as error:
            return Verdict("failed", str(error))


def by_check(layer: Layer, point: Point) -> Verdict:
    """The whole default ``check`` at and around the point, with the message that a test shows."""
    plain = replace(layer, dims=None, where=None, features={}, config=dict(point.config))
    report = cg.check(plain, *point.inputs, config=point.config, raise_on_failure=False)
    return Verdict(str(report.status).replace("error", "failed"), str(report))


def by_one_check(layer: Layer, point: Point) -> Verdict:
    statuses = {result.status for result in MATCH.run(layer, point)}
    worst = (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE, Status.PASSED)
    return Verdict(str(next(status for status in worst if status in statuses)).replace("error", "failed"))


def of_free(layer: Layer, point: Point, dtype: Any = np.float64) -> tuple[Callable[..., Any], list[Any]]:
    """The vjp as a function of its differentiable inputs alone, and those inputs; every number of one type."""
    free = Evaluation(layer, point).free
    kept = [np.asarray(v, dtype) if np.asarray(v).dtype == np.float64 else v for v in point.inputs]

    def vjp(*values: Any) -> tuple[Any, Callable[[Any], list[Any]]]:
        inputs = list(kept)
        for i, value in zip(free, values, strict=True):
            inputs[i] = np.asarray(value)
        y, backward = layer.vjp(*inputs, **point.config)

        def pull(dy: Any) -> list[Any]:
            gradients = backward(np.asarray(dy)[()])
            return [None if gradients[i] is None else np.asarray(gradients[i]) for i in free]

        return np.asarray(y), pull

    return vjp, [np.asarray(kept[i]) for i in free]


def by_torch(fast: bool) -> Judge:
    def judge(layer: Layer, point: Point) -> Verdict:
        import torch

        vjp, values = of_free(layer, point)

        def forward(ctx: Any, *tensors: Any) -> Any:
            y, ctx.pull = vjp(*(tensor.detach().numpy() for tensor in tensors))
            return torch.from_numpy(np.array(y))

        def backward(ctx: Any, dy: Any) -> Any:
            return tuple(None if g is None else torch.from_numpy(np.array(g)) for g in ctx.pull(dy.numpy()))

        once = torch.autograd.function.once_differentiable(backward)
        methods = {"forward": staticmethod(forward), "backward": staticmethod(once)}
        wrapped: Any = type("Wrapped", (torch.autograd.Function,), methods)
        tensors = [torch.from_numpy(value.copy()).requires_grad_() for value in values]
        torch.manual_seed(point.case.seed)
        torch.autograd.gradcheck(wrapped.apply, tensors, fast_mode=fast)
        return Verdict("passed")

    return judge


def by_jax(bits: Literal[32, 64]) -> Judge:
    def judge(layer: Layer, point: Point) -> Verdict:
        import jax
        from jax.test_util import check_grads

        jax.config.update("jax_enable_x64", bits == 64)
        dtype = {32: np.float32, 64: np.float64}[bits]
        vjp, values = of_free(layer, point, dtype)
        shape = jax.ShapeDtypeStruct(np.shape(vjp(*values)[0]), dtype)
        shapes = tuple(jax.ShapeDtypeStruct(value.shape, dtype) for value in values)
        f = jax.custom_vjp(lambda *inputs: jax.pure_callback(lambda *a: vjp(*a)[0], shape, *inputs))

        def forward(*inputs: Any) -> Any:
            return f(*inputs), inputs

        def backward(inputs: Any, dy: Any) -> Any:
            return jax.pure_callback(lambda dy, *a: tuple(vjp(*a)[1](dy)), shapes, dy, *inputs)

        f.defvjp(forward, backward)
        check_grads(f, tuple(values), order=1, modes=("rev",))
        return Verdict("passed")

    return judge


def by_autograd(layer: Layer, point: Point) -> Verdict:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    vjp, values = of_free(layer, point)
    f = primitive(lambda *inputs: vjp(*inputs)[0][()])
    makers = [lambda y, *inputs, i=i: lambda dy: vjp(*inputs)[1](dy)[i][()] for i in range(len(values))]
    defvjp(f, *makers)
    np.random.seed(point.case.seed)
    everything = tuple(range(len(values)))
    check_grads(f, everything, modes=["rev"], order=1)(*(value[()] for value in values))
    return Verdict("passed")


def scalar(layer: Layer, point: Point) -> tuple[Callable[[Any], float], Callable[[Any], Any], Any]:
    """``<dy, f>`` as a function of one vector, its claimed gradient, and the vector: what the older checkers want."""
    y = Evaluation(layer, point).output()
    dy = point.cotangent(flatten(outputs_of(y)).size)
    vjp, values = of_free(layer, point)

    def loss(vector: Any) -> float:
        return float(np.dot(dy, np.ravel(vjp(*unflatten(vector, values))[0])))

    def gradient(vector: Any) -> Any:
        y, pull = vjp(*unflatten(vector, values))
        return flatten(pull(dy.reshape(y.shape)))

    return loss, gradient, flatten(values)


def by_scipy(direction: Literal["all", "random"]) -> Judge:
    def judge(layer: Layer, point: Point) -> Verdict:
        from scipy.optimize import check_grad

        off = check_grad(*scalar(layer, point), direction=direction, rng=point.case.seed)
        return Verdict("passed" if abs(off) < 1.5e-7 else "failed", repr(float(off)))

    return judge


def by_recipe(most: float) -> Judge:
    """Two-sided differences of 1e-5 entry by entry, and the largest relative error."""

    def judge(layer: Layer, point: Point) -> Verdict:
        loss, gradient, here = scalar(layer, point)
        claimed, worst = gradient(here), 0.0
        for k in range(here.size):
            step = np.where(np.arange(here.size) == k, 1e-5, 0.0)
            measured = (loss(here + step) - loss(here - step)) / 2e-5
            size = max(abs(measured), abs(claimed[k]))
            worst = max(worst, abs(measured - claimed[k]) / size) if size else worst
            if np.isnan(claimed[k]):
                worst = np.inf
        return Verdict("passed" if worst < most else "failed", f"relative error: {worst:e}")

    return judge


RECIPE = "differences of 1e-5 to both sides, entry by entry; the largest relative error"
PEERS = (
    Peer("cnngrad check", "cnngrad", by_check, "`check`, defaults: every check at and around the point"),
    Peer("cnngrad gradients", "cnngrad", by_one_check, "the one check `gradients_match_forward`, at the point"),
    Peer("torch slow", "torch", by_torch(False), "`gradcheck`, defaults; float64, as its documentation recommends"),
    Peer("torch fast", "torch", by_torch(True), "`gradcheck(fast_mode=True)`, else as above"),
    Peer("jax 32", "jax", by_jax(32), "`check_grads(order=1, modes=('rev',))`, else defaults: 32 bits"),
    Peer("jax 64", "jax", by_jax(64), "the same with `jax_enable_x64`, as its documentation recommends"),
    Peer("autograd", "autograd", by_autograd, "`check_grads(modes=['rev'], order=1)`; no other settings exist"),
    Peer("scipy all", "scipy", by_scipy("all"), "`check_grad`, defaults; its number held below 1.5e-7 (SciPy's tests)"),
    Peer("scipy random", "scipy", by_scipy("random"), "the same with direction='random'"),
    Peer("recipe 1e-2", "numpy", by_recipe(1e-2), f"{RECIPE} below 1e-2, above which it is called wrong"),
    Peer("recipe 1e-7", "numpy", by_recipe(1e-7), f"{RECIPE} below 1e-7, as recommended without kinks"),
)
