"""Who does the work of a run: how many processes, for how long at most, and from what is finished already."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST = 500  # processes; a pool of more is a slip of the finger
LONGEST = 1e6  # seconds, a week and a half; timers of the operating system take no infinity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options about workers."""
    parser.add_argument("--jobs", type=_whole, metavar="N", help="judge in N processes; the report is the same")
    parser.add_argument("--time-limit", type=_seconds, metavar="SECONDS", help="for one point: for layers that hang")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keep what is finished there, and go on from it")


@contextmanager
def executor_for(options: argparse.Namespace) -> Iterator[Executor | None]:
    """The processes that ``--jobs`` asks for; without it, none but this one."""
    from cnngrad.work import Processes

    with nullcontext() if options.jobs is None else Processes(options.jobs) as executor:
        yield executor


def how(options: argparse.Namespace) -> dict[str, Any]:
    """The other two, as keywords."""
    return {"time_limit": options.time_limit, "resume": options.resume}


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes from 1 to {MOST}")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
