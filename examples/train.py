"""Train one of the source texts' networks on digits, its gradient checked before and while it learns.

    python examples/train.py --network 000 --data DIR      LeNet: relu, mean pooling, softmax cross-entropy
    python examples/train.py --network 004 --data DIR      the CNN of DeepLearnToolbox

A gradient that is not the one of the loss stops the training, with the report, which names the stage it comes from.
"""

from __future__ import annotations

import os

# One thread: on a shared machine more of them slow these small products down. It must be set before numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad import networks as nets
from cnngrad.core.errors import UsageError
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.data import Digits, generated_digits, load_mnist, one_hot

Check = Callable[..., Any]


@dataclass(frozen=True)
class Task:
    """A network with its loss, where it starts, and how it is fed."""

    net: nets.Chain
    output: str  # the stage whose largest entry is the answer
    target: str
    rate: float
    start: dict[str, Any]
    decay: float = 0.0  # weight decay
    shape: tuple[int, ...] = (1, 28, 28)  # of one image

    @property
    def loss(self) -> Layer:
        return nets.with_decay(self.net, self.decay) if self.decay else self.net

    def inputs(self, images: Any, labels: Any, parameters: dict[str, Any]) -> tuple[Any, ...]:
        x = images.reshape(len(images), *self.shape)
        return nets.inputs_for(self.net, {**parameters, "x": x, self.target: one_hot(labels)})


def lenet(rng: np.random.Generator) -> Task:
    net = nets.lenet()
    return Task(net, "O5", "E.t", 0.1, nets.initial(net, rng))


def perceptron(rng: np.random.Generator) -> Task:
    net = nets.perceptron((784, 100, 10))
    return Task(net, "O2", "E.t", 0.1, nets.initial(net, rng), shape=(784,))


def convolutional_perceptron(rng: np.random.Generator) -> Task:
    net = nets.convolutional_perceptron()
    return Task(net, "O4", "E.t", 0.1, nets.initial(net, rng))


def sigmoid_net(rng: np.random.Generator) -> Task:
    net = nets.sigmoid_net("mean")
    return Task(net, "O3", "E.t", 0.1, nets.initial(net, rng), decay=1e-4)


def channels_last(rng: np.random.Generator) -> Task:
    net = nets.channels_last_net()
    return Task(net, "O3", "E.t", 0.1, nets.initial(net, rng, channel_axis=-1), shape=(28, 28, 1))


def toolbox(rng: np.random.Generator) -> Task:
    net = nets.toolbox()
    return Task(net, "o", "L.t", 1.0, nets.initial(net, rng))


def paper(rng: np.random.Generator) -> Task:
    net = nets.paper_net("identity")
    return Task(net, "o", "L.t", 1.0, nets.initial_paper(net, rng))


NETWORKS: dict[str, Callable[[np.random.Generator], Task]] = {
    "000": lenet,
    "001": perceptron,
    "001-conv": convolutional_perceptron,
    "002": sigmoid_net,
    "003": channels_last,
    "004": toolbox,
    "004-paper": paper,
}


def digits(folder: str | None) -> Digits:
    """MNIST from a folder; without one the small digits of scikit-learn, enlarged; without that, drawn ones."""
    if folder is not None:
        return load_mnist(folder)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        rng = np.random.default_rng(0)
        source = "2000 generated digits (no --data folder with MNIST, and scikit-learn is not installed)"
        return Digits(*generated_digits(rng, 1500), *generated_digits(rng, 500), source)
    small = load_digits()
    images = np.pad(np.kron(small.images / 16.0, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))[:, np.newaxis]
    source = "the 1797 small digits of scikit-learn, enlarged to 28x28 (no --data folder with MNIST)"
    return Digits(images[:1400], small.target[:1400], images[1400:], small.target[1400:], source)


def check_gradient(task: Task, inputs: tuple[Any, ...], step: int, check: Check) -> None:
    """Hold the gradient of the live network against its loss.

    Raises:
        SystemExit: it is wrong; the message holds the report, which names the stage.
    """
    report = check(task.loss, *inputs, effort="quick", raise_on_failure=False)
    print(f"after {step} batches the gradient check says: {report.status}", flush=True)
    for result in report.results:
        # At the start every bias is 0 and much of an image is black, so many relus sit exactly on their kink.
        if str(result.status) == "inconclusive":
            print(f"  {result.input}: {result.reason}")
    if str(report.status) in ("failed", "error"):
        sys.exit(f"stopped after {step} batches, the gradient is wrong:\n{report}")


@dataclass
class Progress:
    """What a checkpoint holds: everything needed to go on as if training had not been interrupted."""

    settings: str
    step: int
    losses: list[float]
    parameters: dict[str, Any]

    def save(self, path: Path) -> None:
        values: dict[str, Any] = {"settings": self.settings, "step": self.step, "losses": self.losses}
        values |= {f"parameter {name}": value for name, value in self.parameters.items()}
        write_whole(path, lambda file: np.savez(file, **values))

    @classmethod
    def resume(cls, path: Path, settings: str) -> Progress:
        try:
            with np.load(path, allow_pickle=False) as saved:
                held = {name: saved[name] for name in saved.files}
            found = cls(str(held.pop("settings")), int(held.pop("step")), held.pop("losses").tolist(), {})
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{path} is no checkpoint of this program ({error}): give another --checkpoint") from None
        if found.settings != settings:
            raise UsageError(
                f"{path} is the checkpoint of another run ({found.settings}; now {settings}): use the same options or "
                "another --checkpoint"
            )
        found.parameters = {name.removeprefix("parameter "): value for name, value in held.items()}
        return found


def batches(count: int, size: int, seed: int, first_step: int, last_step: int) -> Iterator[Any]:
    """Every epoch in an order of its own that follows from the seed, so that a resumed run sees the same batches."""
    per_epoch = count // size
    order = np.empty(0, dtype=int)
    for step in range(first_step, last_step):
        if step % per_epoch == 0 or order.size == 0:
            order = np.random.default_rng([seed, step // per_epoch]).permutation(count)
        start = (step % per_epoch) * size
        yield order[start : start + size]


def progress_bar(steps: Iterable[Any], total: int) -> Iterable[Any]:
    """Tqdm's bar where it is installed, else a line every tenth of the way."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _lines(steps, total)
    bar: Iterable[Any] = tqdm(steps, total=total, unit="batch")
    return bar


def _lines(steps: Iterable[Any], total: int) -> Iterator[Any]:
    for number, step in enumerate(steps, start=1):
        yield step
        if number % max(1, total // 10) == 0:
            print(f"  {number} of {total} batches", flush=True)


def percent_wrong(task: Task, parameters: dict[str, Any], images: Any, labels: Any) -> float:
    """The share of wrong answers, in percent."""
    net = task.net.until(task.output)
    wrong = 0
    for start in range(0, len(images), 500):
        x = images[start : start + 500]
        y = net(*nets.inputs_for(net, {**parameters, "x": x.reshape(len(x), *task.shape)}))[0]
        wrong += int(np.sum(y.argmax(axis=1) != labels[start : start + 500]))
    return 100.0 * wrong / len(images)


def train(task: Task, data: Digits, options: argparse.Namespace, check: Check) -> Progress:
    """Gradient descent θ ← θ − α_t dθ, the gradient held against the loss now and then.

    Raises:
        SystemExit: the gradient is wrong; the message holds the diagnosis.
    """
    rate = task.rate if options.rate is None else options.rate
    if options.batch > len(data.train_images):
        raise UsageError(f"--batch {options.batch} is more than the {len(data.train_images)} training images there are")
    settings = f"network={options.network} batch={options.batch} rate={rate} fall={options.fall} seed={options.seed}"
    state = Progress(settings, 0, [], dict(task.start))
    if options.checkpoint and options.checkpoint.exists():
        state = Progress.resume(options.checkpoint, settings)
        print(f"resumed from {options.checkpoint} after {state.step} batches")
    loss, per_epoch = task.loss, len(data.train_images) // options.batch
    last = options.epochs * per_epoch
    order = batches(len(data.train_images), options.batch, options.seed, state.step, last)
    for chosen in progress_bar(order, last - state.step):
        images, labels = data.train_images[chosen], data.train_labels[chosen]
        if state.step % options.check_every == 0:
            check_gradient(task, task.inputs(images[:2], labels[:2], state.parameters), state.step, check)
            if options.checkpoint:
                state.save(options.checkpoint)
        value, backward = loss(*task.inputs(images, labels, state.parameters))
        gradients = dict(zip(loss.inputs, backward(1.0), strict=True))
        alpha = nets.rate_at(state.step // per_epoch, rate, options.fall)
        state.parameters = nets.updated(state.parameters, gradients, alpha)
        state.losses.append(float(value))
        state.step += 1
    if options.checkpoint:
        state.save(options.checkpoint)
    return state


def draw_curve(path: Path, losses: list[float], title: str) -> str:
    """Write a picture of the loss; returns what happened."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "no loss curve: matplotlib is not installed"
    axes = (figure := Figure()).subplots()
    axes.plot(losses, linewidth=0.5)
    axes.set(xlabel="batch", ylabel="loss", yscale="log", title=title)
    write_whole(path, lambda file: figure.savefig(file, format=path.suffix.lstrip(".") or "png"))
    return f"loss curve in {path}"


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="000")
    parser.add_argument("--data", help="folder with MNIST's four files")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rate", type=float, help="α_0; each network has its own")
    parser.add_argument("--fall", type=float, default=0.0, help="α_t = α_0 / (1 + fall·t), t the epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check-every", type=int, default=400, help="batches between two gradient checks")
    parser.add_argument("--checkpoint", type=Path, help="file to go on from and to save to")
    parser.add_argument("--curve", type=Path, help="file for a picture of the loss")
    options = parser.parse_args(given)
    for name in ("epochs", "batch", "check_every"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(options, name)}; it takes a whole number from 1 on")
    return options


def main(given: list[str] | None = None, check: Check | None = None) -> int:
    options = arguments(given)
    if check is None:
        import cnngrad

        check = cnngrad.check
    try:
        data = digits(options.data)
        print(f"network {options.network} on {data.source}")
        task = NETWORKS[options.network](np.random.default_rng(options.seed))
        began = time.process_time()
        state = train(task, data, options, check)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    seconds = time.process_time() - began
    wrong = percent_wrong(task, state.parameters, data.test_images, data.test_labels)
    print(f"{state.step} batches, {seconds:.1f} CPU seconds, test error {wrong:.2f} %")
    if options.curve:
        print(draw_curve(options.curve, state.losses, f"network {options.network}, test error {wrong:.2f} %"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
