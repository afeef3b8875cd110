"""The layer that a run is about, with its checks, and how both reach another process."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from cnngrad import checks
from cnngrad.checks import Check
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.memory import made_of
from cnngrad.points import prepared
from cnngrad.work.places import Place, place_of


@dataclass(frozen=True)
class Subject:
    """A layer as it was handed in, what makes it ready for its points, and the checks to run.

    A layer that stands in a module is not sent: the worker looks it up there and makes it ready by itself, so that
    lambdas and closures do no harm.

    >>> from cnngrad.layers import relu
    >>> layer, chosen = received(Subject(relu, checks.ALL).package)
    >>> layer == relu, chosen == checks.ALL
    (True, True)
    """

    handed_in: Layer
    checks: tuple[Check, ...]
    shapes: Mapping[str, tuple[int, ...]] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    case: Case | None = None

    @cached_property
    def layer(self) -> Layer:
        """Ready to be called at the points of the run."""
        return prepared(self.handed_in, self.shapes, self.config, self.case)

    @cached_property
    def place(self) -> Place | None:
        return place_of(self.handed_in)

    @cached_property
    def package(self) -> bytes:
        """What a worker makes the layer and the checks from.

        Raises:
            UsageError: the layer stands in no module and cannot be pickled, or a check is none of cnngrad's own.
        """
        names = tuple(each.name for each in self.checks)
        _named(self.handed_in, names)
        sent = self.place or packed(self.handed_in, self.handed_in.name)
        made_ready = packed((self.shapes, self.config, self.case), self.handed_in.name)
        return pickle.dumps((sent, self.handed_in.target, _likeness(self.handed_in), made_ready, names))


def packed(thing: Any, name: str) -> bytes:
    """Something of the layer ``name``, pickled; by cloudpickle (which comes with Dask) where plain pickle cannot.

    Raises:
        UsageError: neither can; says what to try.
    """
    try:
        return pickle.dumps(thing)
    except Exception as error:  # pickle lets through whatever the object's own code raises
        try:
            import cloudpickle
        except ImportError:
            raise _unsendable(name, error, ", install cloudpickle") from None
        try:
            return bytes(cloudpickle.dumps(thing))
        except Exception as other:  # as above
            raise _unsendable(name, other) from None


def _unsendable(name: str, error: Exception, more: str = "") -> UsageError:
    return UsageError(
        f"{name} cannot be sent to another process ({error}): make it at the top of a module, where a worker finds it "
        f"by its name{more}, or leave out executor= and --jobs"
    )


@lru_cache(maxsize=8)  # a worker is asked for the same few again and again
def received(package: bytes) -> tuple[Layer, tuple[Check, ...]]:
    """The layer, ready, and the checks, in the process that runs a unit.

    Raises:
        UsageError: this process does not find the layer, or finds another one.
    """
    sent, target, likeness, made_ready, names = pickle.loads(package)
    layer = sent.layer() if isinstance(sent, Place) else unpacked(sent)
    if _likeness(layer) != likeness:
        raise UsageError(
            f"a worker process finds another layer at {sent} than the one to be checked: start the workers from the "
            "same code, and make no layer anew under a name that another had"
        )
    shapes, config, case = unpacked(made_ready)
    return prepared(replace(layer, target=target), shapes, config, case), _named(layer, names)


def unpacked(package: bytes) -> Any:
    """What was :func:`packed`.

    Raises:
        UsageError: this process lacks a module that it needs.
    """
    try:
        return pickle.loads(package)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"a worker process cannot load what it was sent: {error}; can it import your module?"
        ) from None


def _likeness(layer: Layer) -> str:
    """What tells a layer from another, in whatever folder it is looked at."""
    return repr((layer.name, layer.inputs, layer.dims, [Path(part).name for part in made_of(layer)]))


def _named(layer: Layer, names: Sequence[str]) -> tuple[Check, ...]:
    known = {each.name: each for each in (*checks.ALL, *oracle_checks(layer))}
    foreign = [name for name in names if name not in known]
    if foreign:
        raise UsageError(f"the check {foreign[0]!r} is none of cnngrad's, so no worker process finds it by its name")
    return tuple(known[name] for name in names)
