"""Is a hand-written backward pass the vector-Jacobian product of its forward pass? If not, where and why?

The public names are handed out on first use (PEP 562): importing this package loads not even NumPy, so its pytest
plugin costs a run without gradient checks nothing. A new public name is one line in each of the three lists below.

>>> import cnngrad as cg
>>> square = cg.Layer(lambda x: (x * x, lambda dy: (2 * x * dy,)), inputs=("x",), name="square")
>>> square
Layer(square: x)
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name; to import it from typing takes longer than all the rest

__version__ = "0.1.0"

_HOME = {
    "Layer": "cnngrad.core.layer",
    "Case": "cnngrad.core.case",
    "Point": "cnngrad.core.case",
    "Result": "cnngrad.core.result",
    "Status": "cnngrad.core.result",
    "Suspect": "cnngrad.core.result",
    "GradientMismatch": "cnngrad.core.errors",
    "LayerRaised": "cnngrad.core.errors",
    "MistakeSurvived": "cnngrad.core.errors",
    "NotVerified": "cnngrad.core.errors",
    "UsageError": "cnngrad.core.errors",
    "Estimate": "cnngrad.differentiation",
    "Report": "cnngrad.report",
    "audit": "cnngrad.auditing",
    "cases": "cnngrad.runner",
    "check": "cnngrad.runner",
    "numerical_gradient": "cnngrad.differentiation",
    "numerical_vjp": "cnngrad.differentiation",
    "LayerSuite": "cnngrad.testing",
    "parametrize_with_checks": "cnngrad.testing",
    "adapt": "cnngrad.adapters",
    "from_autograd": "cnngrad.adapters",
    "from_class": "cnngrad.adapters",
    "from_functions": "cnngrad.adapters",
    "from_jax": "cnngrad.adapters",
    "from_torch": "cnngrad.adapters",
    "torch_variants": "cnngrad.adapters",
    "layers": "cnngrad.layers",
    "networks": "cnngrad.networks",
}

# Editors and type checkers read the two lists below; a test holds all three equal.
if TYPE_CHECKING:
    from cnngrad import layers as layers
    from cnngrad import networks as networks
    from cnngrad.adapters import adapt as adapt
    from cnngrad.adapters import from_autograd as from_autograd
    from cnngrad.adapters import from_class as from_class
    from cnngrad.adapters import from_functions as from_functions
    from cnngrad.adapters import from_jax as from_jax
    from cnngrad.adapters import from_torch as from_torch
    from cnngrad.adapters import torch_variants as torch_variants
    from cnngrad.auditing import audit as audit
    from cnngrad.core.case import Case as Case
    from cnngrad.core.case import Point as Point
    from cnngrad.core.errors import GradientMismatch as GradientMismatch
    from cnngrad.core.errors import LayerRaised as LayerRaised
    from cnngrad.core.errors import MistakeSurvived as MistakeSurvived
    from cnngrad.core.errors import NotVerified as NotVerified
    from cnngrad.core.errors import UsageError as UsageError
    from cnngrad.core.layer import Layer as Layer
    from cnngrad.core.result import Result as Result
    from cnngrad.core.result import Status as Status
    from cnngrad.core.result import Suspect as Suspect
    from cnngrad.differentiation import Estimate as Estimate
    from cnngrad.differentiation import numerical_gradient as numerical_gradient
    from cnngrad.differentiation import numerical_vjp as numerical_vjp
    from cnngrad.report import Report as Report
    from cnngrad.runner import cases as cases
    from cnngrad.runner import check as check
    from cnngrad.testing import LayerSuite as LayerSuite
    from cnngrad.testing import parametrize_with_checks as parametrize_with_checks

__all__ = [
    "Case",
    "Estimate",
    "GradientMismatch",
    "Layer",
    "LayerRaised",
    "LayerSuite",
    "MistakeSurvived",
    "NotVerified",
    "Point",
    "Report",
    "Result",
    "Status",
    "Suspect",
    "UsageError",
    "__version__",
    "adapt",
    "audit",
    "cases",
    "check",
    "from_autograd",
    "from_class",
    "from_functions",
    "from_jax",
    "from_torch",
    "layers",
    "networks",
    "numerical_gradient",
    "numerical_vjp",
    "parametrize_with_checks",
    "torch_variants",
]

# Hidden from type checkers, which would otherwise take every misspelt name for one that exists.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        home = import_module(_HOME[name])
        value = home if home.__name__ == f"{__name__}.{name}" else getattr(home, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
