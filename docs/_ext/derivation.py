"""The parts of a derivation's page that the build computes: its picture, its numbers, what holds it."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from docutils import nodes
from pictures import PICTURES
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cnngrad import checks, layers
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.explain import explain
from cnngrad.networks import NETWORKS
from cnngrad.oracles import oracles_for
from cnngrad.oracles.identities import IDENTITIES
from cnngrad.verify import generated_pair, verify_network


class Numbers(SphinxDirective):
    """What ``cnngrad explain`` prints for a layer; the build fails where backward and differences part."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        explanation = explain(self.arguments[0])
        if not explanation.agrees:
            raise self.error(f"the derivation of {self.arguments[0]} disagrees with its differences")
        return [_code(explanation.numbers())]


class Picture(SphinxDirective):
    """Where the numbers go, drawn from the layer."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        drawing = PICTURES[self.arguments[0]]()
        return [nodes.raw("", f'<div class="picture">{drawing}</div>', format="html")]


class HeldBy(SphinxDirective):
    """Checks, independent computations, identities and features that hold a derivation, from the declarations."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        layer = next(each for each in layers.ALL if each.name == self.arguments[0])
        rows = {
            "checks": [check.name for check in checks.ALL if check.applies_to(layer)],
            "oracles": [oracle.name for oracle in oracles_for(layer.name)],
            "identities": [f"{each.name} ({each.source})" for each in IDENTITIES if layer.name in each.layers],
            "features": list(layer.features),
        }
        return [_code("\n".join(_wrapped(name, values) for name, values in rows.items() if values))]


class Network(SphinxDirective):
    """The stages of a network, and its verification: the networks of ``make verify`` whose name starts as given."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        found = {name: net for name, net in NETWORKS.items() if name.startswith(self.arguments[0])}
        reports = [verify_network(name, network, generated_pair(0)) for name, network in found.items()]
        if not reports or not all(report.ok for report in reports):
            raise self.error(f"no network {self.arguments[0]}, or its gradients do not agree")
        verified = [
            f"{report.layer}\n  verified: {totals.entries:,} gradient entries at {totals.cases} points, "
            f"smallest visible error {totals.detectable:.0e} of the largest"
            for report in reports
            for totals in [report.totals]
        ]
        return [_code("\n".join([*_stages(next(iter(found.values()))), "", *verified]))]


def _stages(network: Layer) -> list[str]:
    """Each stage with the layer it is and the shape it takes."""
    assert network.parts is not None
    parts = network.parts(*Case(values="scale:0.25").point(network).inputs)
    return [f"{name:6}{layer.name:24}{np.shape(inputs[0])}" for name, layer, inputs in parts]


def _wrapped(name: str, values: list[str]) -> str:
    return fill(", ".join(values), 86, initial_indent=f"{name:12}", subsequent_indent=" " * 12)


def _code(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="text", classes=["numbers"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("numbers", Numbers)
    app.add_directive("picture", Picture)
    app.add_directive("held-by", HeldBy)
    app.add_directive("network", Network)
    # The pages of derivations show what the layers compute now: they are read anew at every build.
    app.connect("env-get-outdated", lambda app, env, added, changed, removed: _computed(env))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _computed(env: Any) -> list[str]:
    return [page for page in env.found_docs if page.startswith("derivations/")]
