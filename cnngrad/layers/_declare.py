"""The configurations that layers with windows declare, and what a search over them has to meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cnngrad.core.layer import Layer, Vjp
from cnngrad.layers._inputs import of_rank
from cnngrad.layers._windows import Windows, windows

SIZES = {"depth": (1, 4), "height": (1, 6), "width": (1, 7)}
KERNELS = ("kd", "kh", "kw")
# Keeps one forward of the slowest configuration well under a millisecond.
MOST_ENTRIES = 800

Geometry = Callable[[Any], Windows]
Features = dict[str, Callable[[Any], bool]]

_SEEN: dict[str, Callable[[Windows], bool]] = {
    "stride > 1": lambda g: any(s > 1 and t > 1 for s, t in zip(g.stride, g.out, strict=True)),
    "anisotropic stride": lambda g: len(set(g.stride)) > 1,
    "padding": lambda g: any(g.pad),
    "dilation": lambda g: any(d > 1 and k > 1 for d, k in zip(g.dilation, g.kernel, strict=True)),
    "remainder": lambda g: any(slack % s for slack, s in zip(g.slack, g.stride, strict=True)),
    "H != W": lambda g: g.rank > 1 and g.size[-2] != g.size[-1],
    "rectangular kernel": lambda g: len(set(g.kernel)) > 1,
    "rectangular window": lambda g: len(set(g.kernel)) > 1,
    "even kernel": lambda g: any(k % 2 == 0 for k in g.kernel),
    "1 x 1 kernel": lambda g: math.prod(g.kernel) == 1,
    "overlap": lambda g: any(k > s and t > 1 for k, s, t in zip(g.kernel, g.stride, g.out, strict=True)),
    "gaps": lambda g: any(s > k and t > 1 for k, s, t in zip(g.kernel, g.stride, g.out, strict=True)),
    "rank 1": lambda g: g.rank == 1,
    "rank 2": lambda g: g.rank == 2,
    "rank 3": lambda g: g.rank == 3,
}


def seen(geometry: Geometry, *names: str) -> Features:
    """Features that follow from where the windows lie."""

    def of_point(holds: Callable[[Windows], bool]) -> Callable[[Any], bool]:
        return lambda point: bool(holds(geometry(point)))

    return {name: of_point(_SEEN[name]) for name in names}


def batch(point: Any) -> bool:
    """The feature "batch > 1"."""
    return bool(point["x"].shape[0] > 1)


def sides(d: Any, rank: int) -> tuple[int, ...]:
    """The spatial sides of x: the last ``rank`` of depth, height, width."""
    return tuple(getattr(d, name) for name in tuple(SIZES)[-rank:])


def kernel(d: Any, rank: int) -> tuple[int, ...]:
    """The sides of the kernel or window: the last ``rank`` of kd, kh, kw."""
    return tuple(getattr(d, name) for name in KERNELS[-rank:])


def convolution(name: str, vjp: Vjp, rank: int | None = None, channels_last: bool = False) -> Layer:
    """A convolution: of one rank, or with ``rank`` a dim and a stride of its own for the last axis."""
    largest = 3 if rank is None else rank
    most = 3 if rank is None else 4
    dims: dict[str, tuple[int, int]] = {} if rank else {"rank": (1, 3)}
    dims |= {"n": (1, 3), "c": (1, 3), "f": (1, 3)}
    dims |= {name: SIZES[name] for name in tuple(SIZES)[-largest:]}
    dims |= {name: (1, most) for name in KERNELS[-largest:]}
    # Not called "stride": a layer configured(stride=2) has one stride, which no choice of these two dims describes.
    dims |= {"stride": (1, 3)} if rank else {"stride_w": (1, 3), "stride_rest": (1, 3)}
    dims |= {"pad": (0, 2), "dilation": (1, 2)}

    def shapes(d: Any) -> dict[str, tuple[int, ...]]:
        r = rank or d.rank
        if channels_last:
            return {"x": (d.n, *sides(d, r), d.c), "w": (d.f, *kernel(d, r), d.c), "b": (d.f,)}
        return {"x": (d.n, d.c, *sides(d, r)), "w": (d.f, d.c, *kernel(d, r)), "b": (d.f,)}

    def config(d: Any) -> dict[str, Any]:
        stride = d.stride if rank else (*[d.stride_rest] * (d.rank - 1), d.stride_w)
        return {"stride": stride, "pad": d.pad, "dilation": d.dilation}

    def where(d: Any) -> bool:
        padded = [side + 2 * d.pad for side in sides(d, rank or d.rank)]
        reach = [d.dilation * (k - 1) + 1 for k in kernel(d, rank or d.rank)]
        small = d.n * max(d.c, d.f) * math.prod(padded) <= MOST_ENTRIES
        return small and all(p >= r for p, r in zip(padded, reach, strict=True))

    def geometry(point: Any) -> Windows:
        x, w = point["x"].shape, point["w"].shape
        size, k = (x[1:-1], w[1:-1]) if channels_last else (x[2:], w[2:])
        return windows("", size, k, **point.config)

    names = ["stride > 1", "padding", "dilation", "remainder", "even kernel", "1 x 1 kernel", "gaps"]
    names += ["H != W", "rectangular kernel"] if largest > 1 else []
    names += ["anisotropic stride", "rank 1", "rank 2", "rank 3"] if rank is None else []
    features = seen(geometry, *names) | {"batch > 1": batch}
    return Layer(
        vjp if rank is None else of_rank(vjp, name, rank),
        inputs=("x", "w", "b"),
        name=name,
        batch_axis={"x": 0, "y": 0},
        dims=dims,
        shapes=shapes,
        config=config,
        where=where,
        features=features,
    )


def pool(half_window: bool = False) -> dict[str, Any]:
    """What a pooling declares: rank, sides, a rectangular window, one stride, padding."""
    dims: dict[str, tuple[int, int]] = {"rank": (1, 3), "n": (1, 3), "c": (1, 3), **SIZES}
    dims |= {name: (1, 3) for name in KERNELS}
    dims |= {"stride_w": (1, 3), "stride_rest": (1, 3), "pad": (0, 1 if half_window else 2)}

    def shapes(d: Any) -> dict[str, tuple[int, ...]]:
        return {"x": (d.n, d.c, *sides(d, d.rank))}

    def config(d: Any) -> dict[str, Any]:
        stride = (*[d.stride_rest] * (d.rank - 1), d.stride_w)
        return {"window": kernel(d, d.rank), "stride": stride, "pad": d.pad}

    def where(d: Any) -> bool:
        padded = [side + 2 * d.pad for side in sides(d, d.rank)]
        window = kernel(d, d.rank)
        fits = all(p >= k for p, k in zip(padded, window, strict=True))
        small = d.n * d.c * math.prod(padded) <= MOST_ENTRIES
        return fits and small and (not half_window or 2 * d.pad <= min(window))

    def geometry(point: Any) -> Windows:
        keep = {name: value for name, value in point.config.items() if name in ("stride", "pad")}
        return windows("", point["x"].shape[2:], point.config["window"], **keep)

    features = seen(geometry, *_POOL_FEATURES) | {"batch > 1": batch}
    return {"dims": dims, "shapes": shapes, "config": config, "where": where, "features": features}


_POOL_FEATURES = (
    "overlap",
    "gaps",
    "padding",
    "remainder",
    "H != W",
    "rectangular window",
    "anisotropic stride",
    "rank 1",
    "rank 2",
    "rank 3",
)


def elementwise() -> dict[str, Any]:
    """What a function of single numbers declares: a small batch of vectors."""
    return {
        "dims": {"n": (1, 3), "width": (1, 5)},
        "shapes": lambda d: {"x": (d.n, d.width)},
        "batch_axis": {"x": 0, "y": 0},
    }
