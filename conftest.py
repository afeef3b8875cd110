"""Settings for the project's own tests: Hypothesis draws the same examples on every machine."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Runs pytest inside a test; pytest accepts the request only here, at the root.
pytest_plugins = ["pytester"]

# Nothing is remembered from one test to another, nor written beside the code.
os.environ["CNNGRAD_MEMORY"] = "off"

# The time limits are off because a slow machine is not a wrong gradient.
settings.register_profile(
    "cnngrad", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("cnngrad")

# Hypothesis also draws numbers and words that stand in the modules imported so far, others in each selection of tests.
# There is no setting for it; versions that do not draw them lack this function.
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = providers.Constants
