"""All checkers on the same NumPy layers in one run, written to ``benchmarks/results/peers.md``."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import mistakes, tables
from benchmarks.peers.checkers import PEERS, Peer
from benchmarks.peers.costs import LARGE, Cost, cost, target_rows
from benchmarks.record import commit
from cnngrad.core.files import write_whole

RESULTS = Path(__file__).parent.parent / "results" / "peers.md"
OURS = "cnngrad"
COSTS = {"forwards": "Fewer forwards", "times": "Less time", "mib": "Less memory"}
HEAD = """# Beside other checkers

Measured at commit {commit} with Python {python}, {versions}, one thread.
Reproduce with `make bench`; points, mistakes and errors are drawn from fixed seeds, times are ratios of processor time
within one run.

{settings}

Whatever a checker raises counts as a refusal: its user sees it.

## Where cnngrad is behind

{behind}

## Known mistakes

The mistakes of `cnngrad audit`, each planted in the right backward of {layers} at one point. *In* says
in how many of them it makes a difference, the other columns how many of those were refused. A checker that refuses
right layers, in the first row, catches their mistakes for nothing. The last row counts the mistakes that survive
somewhere.

{mistakes}

What is said of a convolution whose weights' gradient has the wrong sign:

{messages}

## How small an error is seen

The smallest share of the largest entry, in one element, that is caught in {trials} of {trials} trials, at values of 1.

{smallest}

## Right layers called wrong

{right} points of each of {kinds} reference layers with at most {most} entries.

{refused}

## Cost

Forwards + backwards; *fb* is the time of one forward + backward; memory beyond what the process held before, so neither
interpreter nor imports. Right layers, all inputs, one point (the whole `check`: its points around it too).

{costs}

| beside torch | time, gradient check / fast mode | whole `check` / fast mode | forwards, slow mode / gradient check |
|---|---|---|---|
{targets}
"""


def table(heads: Iterable[str], rows: Iterable[str]) -> str:
    """A Markdown table."""
    columns = list(heads)
    return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows])


def behind(
    wrong: Sequence[mistakes.Wrong],
    said: Mapping[str, str],
    refused: Mapping[str, Mapping[str, tuple[int, int, int]]],
    sizes: Mapping[str, Mapping[str, float]],
    costs: Mapping[tuple[str, str], Cost],
) -> Iterator[str]:
    """Every figure in which another checker does better: by mistake, by layer, by kind of cost."""
    for each in wrong[1:]:
        better = [n for n, k in each.caught.items() if k > each.caught["cnngrad check"] and not n.startswith(OURS)]
        if better:
            yield f"- *{each.name}* is caught in more layers by {', '.join(better)}."
    for rule, counts in refused.items():
        alarms = {name: alarm for name, (alarm, _, _) in counts.items()}
        better = [n for n, count in alarms.items() if count < alarms["cnngrad check"] and not n.startswith(OURS)]
        if better:
            yield f"- Fewer right layers are called wrong at values {rule} by {', '.join(better)}."
        vague = {name: f"{k} of {of}" for name, (_, k, of) in counts.items() if k}
        if vague:
            yield f"- Right layers not judged at values {rule}: {', '.join(f'{n} {k}' for n, k in vague.items())}."
    shorter = [n for n, text in said.items() if 0 < len(text) < len(said["cnngrad check"])]
    if shorter:
        yield f"- A shorter message, of numbers alone or without advice: {', '.join(shorter)}."
    for name, found in sizes.items():
        better = [n for n, size in found.items() if size < found["cnngrad gradients"] and not n.startswith(OURS)]
        if better:
            yield f"- A smaller error in {name} is caught by {', '.join(better)}."
    for what in ("forwards", "times", "mib"):
        for ours in ("cnngrad gradients", "cnngrad check"):
            less = [
                n
                for (n, layer), c in costs.items()
                if not n.startswith(OURS) and getattr(c, what) < getattr(costs[ours, layer], what)
            ]
            told = ", ".join(f"{n} ({k})" for n, k in Counter(less).items())
            if told:
                yield f"- {COSTS[what]} than `{ours}`, for so many of the {len(LARGE)} right layers below: {told}."


def report(peers: Sequence[Peer]) -> str:
    """The whole page."""
    names = [peer.name for peer in peers]
    wrong = list(_told("mistakes", mistakes.judged(peers)))
    said = mistakes.messages(peers)
    sizes = {n: {p.name: tables.smallest_caught(p, n) for p in peers} for n in _told("errors", tables.SMALLEST_OF)}
    refused = {r: {p.name: tables.right_refused(p, r) for p in peers} for r in _told("right", tables.RULES)}
    costs = {(n, layer): cost(n, layer) for layer in LARGE for n in _told(f"costs, {layer}", names)}
    survived = [sum(each.caught[n] < each.layers for each in wrong[1:]) for n in names]
    made = sum(each.layers > 0 for each in wrong[1:])
    last = f"| *survive, of {made}* | | " + " | ".join(f"**{count}**" for count in survived) + " |"
    length_row = "| characters | " + " | ".join(str(len(said[n])) if said[n] else "-" for n in names) + " |"
    cost_rows = [f"| {layer} | " + " | ".join(str(costs[n, layer]) for n in names) + " |" for layer in LARGE]
    return HEAD.format(
        commit=commit(),
        python=platform.python_version(),
        versions=", ".join(
            f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy", "torch", "jax", "autograd")
        ),
        settings="\n".join(f"- {peer.name}: {peer.settings}" for peer in peers),
        behind="\n".join(behind(wrong, said, refused, sizes, costs)) or "Nowhere.",
        layers=", ".join(mistakes.SHAPES),
        mistakes=table(["mistake", "in", *names], [*(w.row(peers) for w in wrong if w.layers), last]),
        messages=table(["the failure message", *names], [length_row]),
        trials=tables.TRIALS,
        smallest=table(["layer", *names], [tables.smallest_row(n, list(found.values())) for n, found in sizes.items()]),
        right=tables.RIGHT,
        kinds=len(tables.LAYERS),
        most=tables.MOST,
        refused=table(
            ["values", "points", *names], [tables.refused_row(r, list(found.values())) for r, found in refused.items()]
        ),
        costs=table(["right layer", *names], cost_rows),
        targets="\n".join(target_rows(costs)),
    )


def _told(what: str, items: Iterable[Any]) -> Iterator[Any]:
    """The items, with a word on stderr when they are done."""
    yield from items
    print(f"done: {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    missing = [peer.needs for peer in PEERS if not peer.installed]
    if missing:
        parser.error(f"{', '.join(sorted(set(missing)))} not installed: `make bench` installs the other checkers")
    warnings.simplefilter("ignore")  # the peers' own
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    text = report(PEERS)
    write_whole(options.out, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
