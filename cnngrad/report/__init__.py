"""The report of a layer and its views; nothing below this folder knows of it."""

from cnngrad.report.data import GRADIENTS, Totals, worst_status
from cnngrad.report.report import Report
from cnngrad.report.text import compared_text

__all__ = ["GRADIENTS", "Report", "Totals", "compared_text", "worst_status"]
