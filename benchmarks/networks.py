"""What training and each reference layer cost beside PyTorch: the same numbers, one thread, float64, in turns.

``python -m benchmarks.networks``. PyTorch must be installed. CPU seconds, the two sides always one after the other, so
that whatever else the machine does falls on both.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from cnngrad import layers
from cnngrad import networks as nets
from cnngrad.core.layer import Layer
from cnngrad.data import generated_digits, load_mnist, one_hot

BATCH = 50
TURN = 20  # batches before the other side has its turn
Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """A network of ours and the same one in PyTorch: ``loss(parameters, x, labels, targets)``."""

    net: nets.Chain
    target: str
    rate: float
    loss: Callable[[Tensors, Any, Any, Any], Any]


def lenet_loss(p: Tensors, x: Any, labels: Any, targets: Any) -> Any:
    x = F.avg_pool2d(F.relu(F.conv2d(x, p["C1.w"], p["C1.b"])), 2)
    x = F.avg_pool2d(F.relu(F.conv2d(x, p["C3.w"], p["C3.b"])), 2)
    return F.cross_entropy(F.linear(x.flatten(1), p["O5.w"], p["O5.b"]), labels)


def toolbox_loss(p: Tensors, x: Any, labels: Any, targets: Any) -> Any:
    x = F.avg_pool2d(torch.sigmoid(F.conv2d(x, p["C2.w"].flip(2, 3), p["C2.b"])), 2)
    x = F.avg_pool2d(torch.sigmoid(F.conv2d(x, p["C4.w"].flip(2, 3), p["C4.b"])), 2)
    o = torch.sigmoid(F.linear(x.transpose(2, 3).flatten(1), p["ffW.w"], p["ffW.b"]))
    return ((o - targets) ** 2).sum() / (2 * len(x))


TASKS = {
    "LeNet (seed 000)": Task(nets.lenet(), "E.t", 0.1, lenet_loss),
    "DeepLearnToolbox (seed 004)": Task(nets.toolbox(), "L.t", 1.0, toolbox_loss),
}


class Ours:
    """The network trained by its hand-written gradients."""

    def __init__(self, task: Task, start: Tensors) -> None:
        self.task, self.parameters = task, dict(start)

    def step(self, images: Any, labels: Any) -> float:
        values = {**self.parameters, "x": images, self.task.target: one_hot(labels)}
        loss, backward = self.task.net(*nets.inputs_for(self.task.net, values))
        gradients = dict(zip(self.task.net.inputs, backward(1.0), strict=True))
        self.parameters = nets.updated(self.parameters, gradients, self.task.rate)
        return float(loss)


class Theirs:
    """The same network, differentiated by PyTorch."""

    def __init__(self, task: Task, start: Tensors) -> None:
        self.task = task
        self.parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}

    def step(self, images: Any, labels: Any) -> float:
        known = torch.from_numpy(labels.astype(np.int64))
        loss = self.task.loss(self.parameters, torch.from_numpy(images), known, torch.from_numpy(one_hot(labels)))
        gradients = torch.autograd.grad(loss, list(self.parameters.values()))
        with torch.no_grad():
            for value, gradient in zip(self.parameters.values(), gradients, strict=True):
                value -= self.task.rate * gradient
        return float(loss.detach())


def network_row(name: str, images: Any, labels: Any, batches: int) -> str:
    """CPU time of training on both sides, and how far their losses are apart at the end."""
    task = TASKS[name]
    start = nets.initial(task.net, np.random.default_rng(0))
    order = np.random.default_rng(0).permutation(len(images))
    sides = (Ours(task, start), Theirs(task, start))
    seconds: tuple[list[float], list[float]] = ([], [])
    losses = [0.0, 0.0]
    for first in range(0, batches, TURN):
        for side, spent, number in zip(sides, seconds, (0, 1), strict=True):
            began = time.process_time()
            for batch in range(first, min(first + TURN, batches)):
                chosen = order[np.arange(batch * BATCH, (batch + 1) * BATCH) % len(order)]
                losses[number] = side.step(images[chosen], labels[chosen])
            spent.append(time.process_time() - began)
    ours, theirs = (sum(spent) for spent in seconds)
    ratio = statistics.median(a / b for a, b in zip(*seconds, strict=True))
    apart = abs(losses[0] - losses[1])
    return (
        f"| {name} | {batches} batches of {BATCH} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} "
        f"(median turn {ratio:.2f}) | {apart:.1e} | {'met' if ours <= 1.5 * theirs else 'MISSED'} |"
    )


@dataclass(frozen=True)
class Pair:
    """A reference layer and what PyTorch has for it; ``learnt`` says of which inputs PyTorch gives the gradient."""

    layer: Layer
    theirs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    config: Mapping[str, Any]

    @property
    def inputs(self) -> list[Any]:
        rng = np.random.default_rng(0)
        drawn = [rng.standard_normal(shape) for shape in self.shapes]
        if "t" in self.layer.constants:
            drawn[-1] = np.eye(self.shapes[-1][1])[rng.integers(0, self.shapes[-1][1], self.shapes[-1][0])]
        return drawn

    def ours(self) -> Callable[[], Any]:
        inputs, config = self.inputs, self.config
        dy = np.random.default_rng(1).standard_normal(np.shape(self.layer.vjp(*inputs, **config)[0]))[()]
        return lambda: self.layer.vjp(*inputs, **config)[1](dy)

    def torch(self) -> Callable[[], Any]:
        learnt = [name not in self.layer.constants for name in self.layer.inputs]
        tensors = [torch.tensor(v, requires_grad=g) for v, g in zip(self.inputs, learnt, strict=True)]
        free = [tensor for tensor in tensors if tensor.requires_grad]
        dy = torch.from_numpy(np.asarray(np.random.default_rng(1).standard_normal(self.theirs(*tensors).shape)))
        return lambda: torch.autograd.grad(self.theirs(*tensors), free, dy)


def pairs(x: tuple[int, int, int, int], kernels: int, side: int) -> Iterator[Pair]:
    """Every reference layer that takes maps, at one size of them, and those that take vectors at what is left of it."""
    n, c, height, width = x
    w, pad = (kernels, c, side, side), (side // 2 if height > 28 else 0)
    conv = ((x, w, (kernels,)), {"pad": pad})
    last = ((n, height, width, c), (kernels, side, side, c), (kernels,))

    def convolved(x: Any, w: Any, b: Any) -> Any:
        return F.conv2d(x, w, b, padding=pad)

    def channels_last(x: Any, w: Any, b: Any) -> Any:
        return convolved(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), b).permute(0, 2, 3, 1)

    def subsampled(x: Any, beta: Any, b: Any) -> Any:
        return 4 * beta[:, None, None] * F.avg_pool2d(x, 2) + b[:, None, None]

    yield Pair(layers.conv, convolved, *conv)
    yield Pair(layers.true_conv, lambda x, w, b: convolved(x, w.flip(2, 3), b), *conv)
    yield Pair(layers.relu_conv, lambda *a: F.relu(convolved(*a)), *conv)
    yield Pair(layers.sigmoid_conv, lambda *a: torch.sigmoid(convolved(*a)), *conv)
    yield Pair(layers.channels_last_conv, channels_last, last, {"pad": pad})
    maps = {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    for name, theirs in maps.items():
        yield Pair(getattr(layers, name), theirs, (x,), {})
    yield Pair(layers.mean_pool, lambda x: F.avg_pool2d(x, 2), (x,), {"window": 2})
    yield Pair(layers.max_pool, lambda x: F.max_pool2d(x, 2), (x,), {"window": 2})
    yield Pair(layers.p_norm_pool, lambda x: F.lp_pool2d(x, 2.0, 2), (x,), {"window": 2, "p": 2})
    yield Pair(layers.subsample, subsampled, (x, (c,), (c,)), {"window": 2})
    yield Pair(layers.batch_norm, lambda x, g, b: F.batch_norm(x, None, None, g, b, True), (x, (c,), (c,)), {})
    yield Pair(layers.flatten, lambda x: x.transpose(2, 3).flatten(1), (x,), {})


def vectors(samples: int, features: int, outputs: int) -> Iterator[Pair]:
    """The layers of vectors at the sizes of LeNet's end."""
    scores = (samples, outputs)
    yield Pair(layers.dense, F.linear, ((samples, features), (outputs, features), (outputs,)), {})
    yield Pair(layers.softmax, lambda z: F.softmax(z, 1), (scores,), {})
    yield Pair(layers.softmax_cross_entropy, F.cross_entropy, (scores, scores), {})
    half = 2 * samples
    yield Pair(layers.half_squared_error, lambda y, t: ((y - t) ** 2).sum() / half, (scores, scores), {})
    yield Pair(layers.weight_decay, lambda w: 5e-5 * (w**2).sum(), ((outputs, features),), {})


def layer_row(pair: Pair, repeats: int) -> str:
    """Forward and backward on both sides, in turns: the least of each, and the median of the ratios."""
    ours, theirs = pair.ours(), pair.torch()
    _agree(pair.layer.name, ours(), theirs())
    taken: list[tuple[float, float]] = []
    for _ in range(repeats):
        began = time.process_time()
        ours()
        middle = time.process_time()
        theirs()
        taken.append((middle - began, time.process_time() - middle))
    least = [1e3 * min(side) for side in zip(*taken, strict=True)]
    ratio = statistics.median(a / b for a, b in taken)
    sizes = " ".join("×".join(map(str, shape)) for shape in pair.shapes)
    return f"| {pair.layer.name} | {sizes} | {least[0]:.3g} | {least[1]:.3g} | {ratio:.2f} |"


def _agree(name: str, ours: Any, theirs: Any) -> None:
    for mine, other in zip([g for g in ours if g is not None], theirs, strict=True):
        difference = np.max(np.abs(mine - other.numpy())) / np.max(np.abs(mine))
        assert difference < 1e-10, f"{name}: the two gradients differ by {difference:.1e}, so their times mean nothing"


def report(data: str | None, batches: int, repeats: int) -> str:
    """The tables, as Markdown."""
    found = load_mnist(data) if data else None
    images, labels = (
        (found.train_images, found.train_labels) if found else generated_digits(np.random.default_rng(0), 2000)
    )
    lines = ["| network | trained on | CPU s here | CPU s PyTorch | ratio | losses apart | at most 1.5 |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [network_row(name, images, labels, batches) for name in TASKS]
    lines += ["", "| layer, forward + backward | sizes | ms here | ms PyTorch | ratio |", "|---|---|---|---|---|"]
    small = (50, 6, 24, 24)
    for pair in pairs((50, 1, 28, 28), 6, 5):
        if "conv" in pair.layer.name:
            lines.append(layer_row(pair, repeats))
    for pair in pairs((50, 6, 12, 12), 12, 5):
        if "conv" in pair.layer.name:
            lines.append(layer_row(pair, repeats))
    for pair in pairs(small, 6, 5):
        if "conv" not in pair.layer.name:
            lines.append(layer_row(pair, repeats))
    lines += [layer_row(pair, repeats) for pair in vectors(50, 192, 10)]
    lines += [layer_row(pair, max(2, repeats // 10)) for pair in pairs((32, 64, 56, 56), 64, 3)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with MNIST's four files; drawn digits without it")
    parser.add_argument("--batches", type=int, default=200, help="of 50 images each; 1200 are an epoch of MNIST")
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, float64, one thread.\n")
    print(report(options.data, options.batches, options.repeats))


if __name__ == "__main__":
    main()
