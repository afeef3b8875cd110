"""Right gradients by the dozen: PyTorch's own functions, differentiated by PyTorch, held to the gradient check.

``python -m benchmarks.torch_functions [--seeds N] [--write]``. Nobody wrote these backwards for cnngrad, and they hold
what its own layers do not: sorts, medians, cumulative products, losses with margins, attention, gates. A failure is a
false alarm, or a defect of PyTorch; those known are named in ``DEFECTS``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.false_alarms import RULES
from benchmarks.record import commit
from cnngrad import from_torch
from cnngrad.checks.gradients import CHECK
from cnngrad.core.case import Case
from cnngrad.core.files import write_whole
from cnngrad.core.result import Status

RESULTS = Path(__file__).parent / "results" / "torch_functions.md"
Shapes = Mapping[str, tuple[int, ...]]
X: Shapes = {"x": (3, 4)}
XY: Shapes = {"x": (3, 4), "y": (3, 4)}
LABELS = torch.tensor([0, 2, 1])
DEFECTS = {
    "hardsigmoid": "its slope is 1/6 rounded to float32, also in float64",
    "kl_div": "its gradient of the target is NaN where a probability has underflowed to 0 and the loss is finite",
    "sinc": "its slope (pi x cos(pi x) - sin(pi x)) / (pi x^2) cancels near 0: few digits are right",
}
HEAD = """# PyTorch's own gradients

Measured at commit {commit} with PyTorch {torch}: {functions} functions, each at {points} points under every rule for
values, in float64. PyTorch differentiates them, so a failure is a false alarm or a defect of PyTorch.
Reproduce with `python -m benchmarks.torch_functions`.

| functions | results | passed | inconclusive | failed |
|---|---|---|---|---|
"""


def mlp(f: Callable[[Any], Any]) -> Callable[..., Any]:
    """Two hidden layers and a cross-entropy."""
    return lambda x, a, b, c: F.cross_entropy(f(f(x @ a) @ b) @ c, LABELS)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Shapes]] = {
    "bce_logits": (lambda x, t: F.binary_cross_entropy_with_logits(x, torch.sigmoid(t)), {"x": (3, 4), "t": (3, 4)}),
    "softplus": (F.softplus, X),
    "logsigmoid": (F.logsigmoid, X),
    "gelu": (F.gelu, X),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), X),
    "silu": (F.silu, X),
    "mish": (F.mish, X),
    "elu": (F.elu, X),
    "selu": (F.selu, X),
    "celu": (F.celu, X),
    "leaky": (F.leaky_relu, X),
    "relu6": (F.relu6, X),
    "hardtanh": (F.hardtanh, X),
    "hardsigmoid": (F.hardsigmoid, X),
    "hardswish": (F.hardswish, X),
    "softsign": (F.softsign, X),
    "tanhshrink": (F.tanhshrink, X),
    "softshrink": (F.softshrink, X),
    "hardshrink": (F.hardshrink, X),
    "log_softmax": (lambda x: F.log_softmax(x, 1), X),
    "softmax0": (lambda x: F.softmax(x, 0), X),
    "huber": (lambda x, y: F.huber_loss(x, y), XY),
    "smooth_l1": (lambda x, y: F.smooth_l1_loss(x, y), XY),
    "l1": (lambda x, y: F.l1_loss(x, y), XY),
    "hinge": (lambda x, y: torch.clamp(1 - x * y, min=0).mean(), XY),
    "attention": (lambda q, k, v: F.softmax(q @ k.T / 2, -1) @ v, {"q": (3, 4), "k": (5, 4), "v": (5, 2)}),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), {"x": (3, 4), "w": (4,), "b": (4,)}),
    "group_norm": (lambda x: F.group_norm(x, 2), {"x": (2, 4, 3)}),
    "rms": (lambda x: x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6), X),
    "logsumexp": (lambda x: torch.logsumexp(x, 1), X),
    "cosine": (lambda x, y: F.cosine_similarity(x, y), XY),
    "normalize": (lambda x: F.normalize(x), X),
    "max": (lambda x: x.max(1).values, X),
    "median": (lambda x: x.median(1).values, X),
    "sort": (lambda x: x.sort(1).values, X),
    "cumprod": (lambda x: torch.cumprod(x, 1), X),
    "prod": (lambda x: x.prod(1), X),
    "std": (lambda x: x.std(1), X),
    "var": (lambda x: x.var(1), X),
    "norm": (lambda x: x.norm(dim=1), X),
    "abs": (torch.abs, X),
    "sqrt_abs": (lambda x: torch.sqrt(x * x + 1e-8), X),
    "gru": (
        lambda x, h, w, u: (1 - torch.sigmoid(x @ w + h @ u)) * h + torch.sigmoid(x @ w) * torch.tanh(x @ w),
        {"x": (2, 3), "h": (2, 3), "w": (3, 3), "u": (3, 3)},
    ),
    "mlp": (mlp(torch.relu), {"x": (3, 4), "a": (4, 5), "b": (5, 5), "c": (5, 3)}),
    "mlp_t": (mlp(torch.tanh), {"x": (3, 4), "a": (4, 5), "b": (5, 5), "c": (5, 3)}),
    "mlp_max": (
        lambda x, a, b: F.nll_loss(F.log_softmax((x @ a).view(3, 3, 2).max(2).values @ b, 1), LABELS),
        {"x": (3, 4), "a": (4, 6), "b": (3, 3)},
    ),
    "focal": (lambda x: ((1 - torch.sigmoid(x)) ** 2 * F.softplus(-x)).mean(), X),
    "kl_div": (lambda x, y: F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction="batchmean"), XY),
    "triplet": (lambda a, p, n: F.triplet_margin_loss(a, p, n), {"a": (3, 4), "p": (3, 4), "n": (3, 4)}),
    "conv_bn_relu": (
        lambda x, w: F.max_pool2d(torch.relu(F.batch_norm(F.conv2d(x, w), None, None, training=True)), 2),
        {"x": (2, 1, 6, 6), "w": (2, 1, 3, 3)},
    ),
    "avgpool_conv": (
        lambda x, w: F.avg_pool2d(F.conv2d(x, w, padding=1), 2).tanh().sum(),
        {"x": (2, 1, 6, 6), "w": (2, 1, 3, 3)},
    ),
    "expm1": (torch.expm1, X),
    "log1p": (lambda x: torch.log1p(x * x), X),
    "atan": (torch.atan, X),
    "erf": (torch.erf, X),
    "sinc": (torch.sinc, X),
    "bilinear": (lambda x, w, y: torch.einsum("ni,ijk,nk->nj", x, w, y), {"x": (2, 3), "w": (3, 2, 3), "y": (2, 3)}),
    "interp": (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), {"x": (1, 1, 4, 4)}),
    "lse_pool": (lambda x: torch.logsumexp(5 * x, 1) / 5, X),
    "swish_gate": (lambda x, y: torch.sigmoid(x) * y.tanh(), XY),
    "contrastive": (lambda x, y: F.cross_entropy(F.normalize(x) @ F.normalize(y).T / 0.1, torch.arange(3)), XY),
    "dice": (
        lambda x, t: (
            1 - 2 * (torch.sigmoid(x) * torch.sigmoid(t)).sum() / (torch.sigmoid(x).sum() + torch.sigmoid(t).sum() + 1)
        ),
        {"x": (3, 4), "t": (3, 4)},
    ),
}


def judged(name: str, seeds: int) -> tuple[Counter[str], list[str]]:
    """How many results of each kind, and what failed."""
    function, shapes = FUNCTIONS[name]
    layer = from_torch(function, inputs=tuple(shapes), shapes=dict(shapes), name=name)
    counts: Counter[str] = Counter()
    failed = []
    for rule in RULES:
        for seed in range(seeds):
            for result in CHECK.run(layer, Case(values=rule, seed=seed).point(layer)):
                counts[str(result.status)] += 1
                if result.status in (Status.FAILED, Status.ERROR):
                    failed.append(f"{name} {result.input}, {rule} {seed}: {result.analytic} beside {result.numeric}")
    return counts, failed


def table(seeds: int) -> tuple[list[str], bool]:
    """Two rows and the alarms; whether there is one that no known defect explains."""
    groups = {"those without a known defect": Counter[str](), **{name: Counter[str]() for name in DEFECTS}}
    alarms = []
    for name in FUNCTIONS:
        counts, failed = judged(name, seeds)
        groups[name if name in DEFECTS else "those without a known defect"] += counts
        alarms += [f"- {line}" for line in failed if name not in DEFECTS]
        print(name, dict(counts), file=sys.stderr, flush=True)
    lines = [
        f"| {name} | {counts.total():,} | {counts['passed']:,} | {counts['inconclusive']:,} | {counts['failed']:,} |"
        for name, counts in groups.items()
    ]
    lines += ["", *(f"- {name}: {why}" for name, why in DEFECTS.items())]
    return [*lines, *(["", *alarms] if alarms else [])], bool(alarms)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    os.environ["CNNGRAD_MEMORY"] = "off"
    torch.set_num_threads(1)
    lines, alarm = table(options.seeds)
    facts = {"commit": commit(), "torch": torch.__version__, "functions": len(FUNCTIONS), "points": options.seeds}
    text = HEAD.format(**facts) + "\n".join(lines) + "\n"
    print(text)
    if options.write:
        write_whole(RESULTS, lambda file: file.write(text.encode()))
    return int(alarm)


if __name__ == "__main__":
    sys.exit(main())
