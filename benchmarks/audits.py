"""Every known mistake, planted in the backward of every reference layer and network: how many are caught.

``python -m benchmarks.audits [--write] [--only NAME ...]``; all inputs of each, at normal effort.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.record import commit
from cnngrad import layers
from cnngrad.auditing import MISTAKES, Audit, Fate, audit
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.networks import DERIVATIONS, NETWORKS

RESULTS = Path(__file__).parent / "results" / "audits.md"
AUDITED: dict[str, Layer] = {layer.name: layer for layer in (*layers.ALL, *DERIVATIONS)} | dict(NETWORKS)
HEAD = """# Every known mistake in every reference layer and network

Measured at commit {commit}. `cg.audit` plants {mistakes} mistakes in the gradient of every input of a right backward,
or in the whole of it, and looks whether the default check refuses each. *Not applicable*: it changes no number there
(a sum over an axis of length 1), or the layer declares it. Reproduce with `python -m benchmarks.audits`.

| layer | inputs | caught | survived | not applicable | checks that caught them |
|---|---|---|---|---|---|
"""


def row(name: str, found: Audit) -> str:
    """One layer."""
    fates = [len(found.of(fate)) for fate in (Fate.CAUGHT, Fate.SURVIVED, Fate.NOT_APPLICABLE)]
    checks = {each.check for each in found.of(Fate.CAUGHT)}
    caught, survived, without = (f"{count:,}" for count in fates)
    return f"| {name} | {len(AUDITED[name].differentiable)} | {caught} | {survived} | {without} | {len(checks)} |"


def table(names: Sequence[str]) -> Iterator[str]:
    """A line each, and what survived."""
    survived = 0
    for name in names:
        found = audit(AUDITED[name], raise_on_survival=False)
        yield row(name, found)
        for each in found.of(Fate.SURVIVED):
            survived += 1
            yield f"\n**{name}: {each.mistake} in {each.input or 'all'} survived: {each.reason}**\n"
    yield f"\n{survived} survived in {len(names)} of {len(AUDITED)} layers and networks."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(AUDITED), choices=list(AUDITED), metavar="NAME")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    lines = []
    for line in table(options.only):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        text = HEAD.format(commit=commit(), mistakes=len(MISTAKES)) + "\n".join(lines) + "\n"
        write_whole(RESULTS, lambda file: file.write(text.encode()))
    return int(any("**" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
