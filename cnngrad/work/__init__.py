"""Units of work: calls with a layer that hang on nothing else, run here or by an executor, their answers in order.

A run is units → map → fold: ``units.py`` says what a unit is, this folder maps it over a layer's points, and
``examining.py`` folds the answers into a report.
"""

from cnngrad.work.lost import Lost
from cnngrad.work.subject import Subject
from cnngrad.work.work import Processes, Work

__all__ = ["Lost", "Processes", "Subject", "Work"]
