"""The table and the pictures of ``benchmarks.growth``."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.growth import SWEEPS, Cost
from cnngrad.core.files import write_whole

Costs = Mapping[tuple[str, str], Sequence[tuple[int, Cost]]]

HEAD = """# How cost grows

Measured at commit {commit}, one thread, each row in a process of its own. Reproduce with
`python -m benchmarks.growth`. *gradients* is the one check `gradients_match_forward` at one point, *check* the whole
default `check` at and around it. *fb* is the time of one forward + backward; MiB is the most that the process held,
beyond what it held after its imports.

**The bound on memory**, which the program asserts: 16 times the inputs and outputs for *gradients*, 32 times for
*check*, twice what one forward + backward hold, and 16 MiB. The number of layers does not add to it: nothing of a layer
is kept when the next one is judged. {held}

![forwards](growth-forwards.svg)
![time](growth-times.svg)
![memory](growth-peak.svg)

| what grows | size | check | forwards + backwards | fb | MiB | MiB allowed |
|---|---|---|---|---|---|---|
"""


def page(costs: Costs, commit: str) -> str:
    """The page as Markdown."""
    every = [cost for rows in costs.values() for _, cost in rows]
    kept = sum(cost.peak <= cost.bound for cost in every)
    held = f"It is held in {kept} of {len(every)} rows."
    lines = [
        f"| {name}: {SWEEPS[name].axis} | {size:,} | {what} | {cost} |"
        for (name, what), rows in costs.items()
        for size, cost in rows
    ]
    return HEAD.format(commit=commit, held=held) + "\n".join(lines) + "\n"


def drawn(costs: Costs, folder: Path) -> None:
    """One picture a figure: calls, time, memory; a panel for each thing that grows."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cnngrad"  # the same file for the same numbers
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    from matplotlib import pyplot
    from matplotlib.ticker import NullLocator

    for figure, label in (("forwards", "forwards"), ("times", "time, in fb"), ("peak", "MiB")):
        canvas, panels = pyplot.subplots(2, 3, figsize=(10, 5.5), layout="constrained")
        for panel, sweep in zip(panels.flat, SWEEPS.values(), strict=True):
            for what, marker in (("gradients", "o"), ("check", "s")):
                rows = costs[sweep.name, what]
                panel.loglog(*zip(*((n, getattr(c, figure)) for n, c in rows), strict=True), marker=marker, label=what)
            panel.set_xticks(sweep.gradients, [f"{n:.0e}" if n > 1000 else str(n) for n in sweep.gradients])
            panel.xaxis.set_minor_locator(NullLocator())
            panel.set(title=sweep.name, xlabel=sweep.axis, ylabel=label)
        panels.flat[0].legend()
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
        pyplot.close(canvas)
        image = b"\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + b"\n"
        write_whole(folder / f"growth-{figure}.svg", lambda file, image=image: file.write(image))
