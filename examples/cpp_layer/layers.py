"""A layer written in C++ (``conv.cpp`` beside this file), compiled with g++ and bound with pybind11.

    cnngrad check examples/cpp_layer/layers.py:right
    cnngrad check examples/cpp_layer/layers.py:wrong

It is the convolution with relu of the source text in C++ (seed 000), one image ``x (c, height, width)`` at a time.
``wrong`` forgets the relu on the way back. Needs ``pip install pybind11`` and g++.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

import pybind11

import cnngrad as cg


def compiled(source: Path, name: str) -> ModuleType:
    """The module in a C++ file; once loaded it needs its file no more."""
    headers = [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}"]
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / f"{name}.so"
        flags = ["-O2", "-Wall", "-shared", "-fPIC", "-std=c++17", "-fvisibility=hidden"]
        subprocess.run(["g++", *flags, *headers, "-o", library, source], check=True)
        spec = importlib.util.spec_from_file_location(name, library)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


conv = compiled(Path(__file__).with_name("conv.cpp"), "conv_cpp")


def backward_wrong(dy, x, w, b):
    return conv.backward(dy, x, w, b, forget_the_relu=True)


# The glue: which sizes to try, the shape of each input in them, and what the functions take.
dims = {"c": (1, 2), "f": (1, 2), "height": (1, 5), "width": (1, 5), "kh": (1, 3), "kw": (1, 3)}
shapes = lambda d: {"x": (d.c, d.height, d.width), "w": (d.f, d.c, d.kh, d.kw), "b": (d.f,)}  # noqa: E731 - short as a user writes it
facts = dict(dims=dims, shapes=shapes, where=lambda d: d.height >= d.kh and d.width >= d.kw)
takes = dict(forward_returns="y", backward_takes=("dy", "x", "w", "b"), name="conv")
right = cg.from_functions(conv.forward, conv.backward, **takes, **facts)
wrong = cg.from_functions(conv.forward, backward_wrong, **takes, **facts)
