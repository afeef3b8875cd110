"""What the command line names: ``package.module:attribute`` or ``file.py:attribute``, found and loaded."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from cnngrad.core.arrays import shape_text
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

_LOADED: dict[str, Layer] = {}


def load_layer(target: str) -> Layer:
    """The layer a target names, which remembers the target for its replay lines.

    Raises:
        UsageError: no attribute is named, the module cannot be imported, or what is found is no layer.

    >>> load_layer("cnngrad.layers:conv2d")
    Layer(conv2d: x, w, b)
    """
    place, colon, attribute = target.rpartition(":")
    if not colon or place.endswith(":") or not attribute or not place:
        module = load_module(target.rstrip(":"))
        raise UsageError(f"{target} names a module; name the layer in it as well: {_suggestions(target, module)}")
    module = load_module(place)
    found: Any = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UsageError(f"{place} has no {attribute!r}; it has {_suggestions(place, module)}") from None
        except Exception as error:
            raise UsageError(f"asking {place} for {attribute!r} raised {type(error).__name__}: {error}") from error
    if not isinstance(found, Layer):
        raise UsageError(
            f"{target} is {shape_text(found)}, not a Layer: wrap a function pair with cg.from_functions, a class with "
            f"cg.from_class. Layers here: {_suggestions(place, module)}"
        )
    _LOADED[target] = replace(found, target=target)
    return _LOADED[target]


def is_as_loaded(layer: Layer) -> bool:
    """Whether this very layer is what its target names; one made from it by ``replace`` or ``configured`` is not.

    >>> conv = load_layer("cnngrad.layers:conv2d")
    >>> is_as_loaded(conv), is_as_loaded(replace(conv, in_place=("x",)))
    (True, False)
    """
    return bool(layer.target) and _LOADED.get(layer.target) is layer


def load_module(place: str) -> ModuleType:
    """Import a module by its dotted name, or a file by its path.

    Raises:
        UsageError: it cannot be imported; what its own code raised is named.
    """
    is_file = place.endswith(".py") or "/" in place
    try:
        return _load_file(Path(place)) if is_file else _load_named(place)
    except (UsageError, KeyboardInterrupt):
        raise
    except SystemExit as stop:
        raise UsageError(
            f"importing {place} ends the program: SystemExit({stop.code!r}){_where(stop, place)}; put what is no "
            'definition under  if __name__ == "__main__":'
        ) from stop
    except BaseException as error:  # theirs, whatever they derive it from
        raise UsageError(f"importing {place} raised {type(error).__name__}: {error}{_where(error, place)}") from error


def _load_named(name: str) -> ModuleType:
    if not name or name.startswith("."):
        raise UsageError(f"{name!r} names no module: give package.module:layer or file.py:layer")
    if "" not in sys.path:
        sys.path.insert(0, "")  # the user's own modules are found from where the command is run, as with python -m
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            hint = f"; did you mean the file {name}.py?" if Path(f"{name}.py").is_file() else ""
            raise UsageError(
                f"there is no module {name} to import from {Path.cwd()}: "
                f"give package.module:layer or file.py:layer{hint}"
            ) from None
        raise


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"there is no file {path}: give file.py:layer or package.module:layer")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    registered = sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if registered is module:
            del sys.modules[path.stem]  # nobody is to find half a module
        raise
    finally:
        sys.path.pop(0)
    return module


def _where(error: BaseException, place: str) -> str:
    """The last line of the user's own code that ran."""
    step = error.__traceback__
    own = (Path(place).name, f"{place.rpartition('.')[2]}.py")
    lines = []
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename).name in own:
            lines.append(step.tb_lineno)
        step = step.tb_next
    return f" (line {lines[-1]} of {place})" if lines else ""


def _suggestions(place: str, module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, Layer)]
    return ", ".join(f"{place.rstrip(':')}:{name}" for name in names[:8]) or "no layers at all"
