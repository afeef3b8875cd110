"""The derivative of <dy, f> at a point along a direction, with an error bound; one file for each way to get it."""

from cnngrad.differentiation.cascade import estimate, smooth
from cnngrad.differentiation.line import Estimate, Line
from cnngrad.differentiation.numerical import coordinates, numerical_gradient, numerical_vjp
from cnngrad.differentiation.one_sided import Sides, one_sided

__all__ = [
    "Estimate",
    "Line",
    "Sides",
    "coordinates",
    "estimate",
    "numerical_gradient",
    "numerical_vjp",
    "one_sided",
    "smooth",
]
