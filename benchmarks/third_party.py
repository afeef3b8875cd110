"""Eight layers of PyTorch, JAX and autograd that thousands rely on, at ``thorough``, in float64 and float32 alone.

``python -m benchmarks.third_party``. The three frameworks must be installed. The tests run JAX's at ``normal`` but for
three: traced and compiled, they take most of the time.
"""

from __future__ import annotations

import os

# The arrays are small: two threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["CNNGRAD_MEMORY"] = "off"

import argparse
from collections.abc import Iterator

from cnngrad.core.layer import Layer
from cnngrad.runner import check
from tests.adapters.their_layers import NAMES, of_autograd, of_jax, of_torch, only_in_single


def row(framework: str, layer: Layer, precision: str, effort: str) -> str:
    """The verdict, and what it rests on."""
    report = check(layer, effort=effort, raise_on_failure=False)
    totals = report.totals
    failed = sorted({f"{result.check} for {result.input}" for result in report.failures})
    return (
        f"| {framework} | {layer.name} | {precision} | {': '.join([str(report.status), *failed])} | {totals.cases:,} "
        f"| {totals.entries:,} | {totals.exact:,} |"
    )


def rows(effort: str) -> Iterator[str]:
    """One line for each framework, layer and precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    yield "| framework | layer | inputs | verdict | points | entries compared | of them exactly |"
    yield "|---|---|---|---|---|---|---|"
    for framework, layers in {"PyTorch": of_torch, "JAX": of_jax, "autograd": of_autograd}.items():
        table = layers()
        for name in NAMES:
            yield row(framework, table[name], "float64", effort)
            yield row(framework, only_in_single(table[name]), "float32", effort)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--effort", default="thorough")
    for line in rows(parser.parse_args().effort):
        print(line, flush=True)


if __name__ == "__main__":
    main()
