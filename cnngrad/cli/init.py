"""``cnngrad init``: a first test file for someone's own module."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

HELP = "write a test file for the layers in a module of your own"

PATIENCE = 3.0  # seconds after which an import is said to take long


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cnngrad init``."""
    parser.add_argument("target", metavar="TARGET", help="package.module or file.py")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file to write (test_<module>_gradients.py)")


def run(options: argparse.Namespace) -> int:
    """Import the module, write the file, and say what was recognised and what has to be told."""
    from cnngrad.core.errors import UsageError
    from cnngrad.core.files import refuse_unwritable, write_whole
    from cnngrad.scaffold import file_text, layers_in, proposed

    name, folder = _importable(options.target)
    alias = name.rpartition(".")[2]
    path = options.output or folder / f"test_{alias}_gradients.py"
    if path.exists():
        raise UsageError(f"{path} is there already and is not overwritten: move it away, or give --output FILE")
    refuse_unwritable(path)
    module = _imported(name, folder, options.target)
    proposals = proposed(layers_in(module, alias), module, alias)
    if not proposals:
        raise UsageError(
            f"nothing in {options.target} looks like a layer: a Layer, a pair such as conv_forward and conv_backward, "
            "a class with forward and backward, a torch.autograd.Function, a jax.custom_vjp, a primitive of autograd"
        )
    text = file_text(proposals, name, alias, options.target, path.name)
    write_whole(path, lambda file: file.write(text.encode()))
    for each in proposals:
        print(f"{each.name}: {each.seen}" + (f"; it needs {each.needs}" if each.needs else ""))
    print(f"wrote {path}; run it with:  python -m pytest {path}")
    return 0


def _importable(target: str) -> tuple[str, Path]:
    """The dotted name a target is imported by, and the folder its test file belongs to.

    Raises:
        UsageError: there is no such file, or its name cannot be imported.
    """
    from cnngrad.core.errors import UsageError

    if ":" in target:
        raise UsageError(f"init takes a module, file.py or package.module, not one thing in it: {target.split(':')[0]}")
    if not (target.endswith(".py") or "/" in target):
        return target, Path()
    path = Path(target)
    if not path.is_file():
        raise UsageError(f"there is no file {path}: give file.py or package.module")
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names, folder = [folder.resolve().name, *names], Path(os.path.normpath(folder / ".."))
    if not all(name.isidentifier() for name in names):
        raise UsageError(f"{path} cannot be imported by a test file: its name is no name in Python, so rename it")
    return ".".join(names), folder


def _imported(name: str, folder: Path, target: str) -> ModuleType:
    from cnngrad.targets import load_module

    sys.path.insert(0, str(folder.resolve()))
    try:
        with _said_if_long(target):
            return load_module(name)
    finally:
        sys.path.pop(0)


@contextmanager
def _said_if_long(target: str) -> Iterator[None]:
    """A script that trains as soon as it is imported does not do so unnoticed."""
    sentence = (
        f"cnngrad: importing {target} takes long. If it trains, stop this with Ctrl-C and put what is no definition "
        'under  if __name__ == "__main__":'
    )
    timer = threading.Timer(PATIENCE, lambda: print(sentence, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
