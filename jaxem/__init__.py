"""jaxem: expectation-maximisation for any model with hidden discrete structure.

Write the log joint density of one observation and its latent state; jaxem finds the sufficient
statistics and the closed-form M-step, proves them on the data, and says what it found.
"""

import importlib
from typing import TYPE_CHECKING, Any

from jaxem.version import __version__

if TYPE_CHECKING:
    from jaxem import datasets, initial, posterior, zoo
    from jaxem.algorithm import (
        EM,
        Anderson,
        Annealed,
        Incremental,
        Online,
        Squarem,
        Stochastic,
    )
    from jaxem.compiled.on_disk import remember
    from jaxem.derivatives import empirical_bayes, implicit_mode, influence, sensitivity
    from jaxem.diagnostics import align, diagnose, landscape, predictive_check
    from jaxem.estep import Exact, Hard, Tempered
    from jaxem.fitting import Fit, Race, Restarts, fit, load
    from jaxem.inspection import Explanation, expected_log_joint, explain
    from jaxem.latent import Chain, Finite, Tree
    from jaxem.model import Model, flat, penalty, sequences
    from jaxem.mstep import Ascent, ClosedForm, Derived
    from jaxem.posterior import to_numpyro
    from jaxem.programs import Program, from_numpyro
    from jaxem.resampling import bootstrap
    from jaxem.selection import (
        compare,
        criteria,
        cross_validate,
        likelihood_ratio_test,
        select,
    )
    from jaxem.status import Status
    from jaxem.types import DeclarationError

_HOMES = {
    "Anderson": "jaxem.algorithm",
    "Annealed": "jaxem.algorithm",
    "Ascent": "jaxem.mstep",
    "align": "jaxem.diagnostics",
    "diagnose": "jaxem.diagnostics",
    "empirical_bayes": "jaxem.derivatives",
    "implicit_mode": "jaxem.derivatives",
    "influence": "jaxem.derivatives",
    "sensitivity": "jaxem.derivatives",
    "landscape": "jaxem.diagnostics",
    "predictive_check": "jaxem.diagnostics",
    "bootstrap": "jaxem.resampling",
    "compare": "jaxem.selection",
    "criteria": "jaxem.selection",
    "cross_validate": "jaxem.selection",
    "likelihood_ratio_test": "jaxem.selection",
    "select": "jaxem.selection",
    "ClosedForm": "jaxem.mstep",
    "Chain": "jaxem.latent",
    "DeclarationError": "jaxem.types",
    "Derived": "jaxem.mstep",
    "EM": "jaxem.algorithm",
    "Exact": "jaxem.estep",
    "Explanation": "jaxem.inspection",
    "Finite": "jaxem.latent",
    "Fit": "jaxem.fitting",
    "Hard": "jaxem.estep",
    "Incremental": "jaxem.algorithm",
    "Model": "jaxem.model",
    "Online": "jaxem.algorithm",
    "Program": "jaxem.programs",
    "Race": "jaxem.fitting",
    "Restarts": "jaxem.fitting",
    "Squarem": "jaxem.algorithm",
    "Status": "jaxem.status",
    "Stochastic": "jaxem.algorithm",
    "Tempered": "jaxem.estep",
    "Tree": "jaxem.latent",
    "expected_log_joint": "jaxem.inspection",
    "explain": "jaxem.inspection",
    "fit": "jaxem.fitting",
    "flat": "jaxem.model",
    "from_numpyro": "jaxem.programs",
    "load": "jaxem.fitting",
    "penalty": "jaxem.model",
    "remember": "jaxem.compiled.on_disk",
    "sequences": "jaxem.model",
    "to_numpyro": "jaxem.posterior",
}
_PACKAGES = ("datasets", "initial", "posterior", "zoo")

__all__ = [
    "EM",
    "Anderson",
    "Annealed",
    "Ascent",
    "Chain",
    "ClosedForm",
    "DeclarationError",
    "Derived",
    "Exact",
    "Explanation",
    "Finite",
    "Fit",
    "Hard",
    "Incremental",
    "Model",
    "Online",
    "Program",
    "Race",
    "Restarts",
    "Squarem",
    "Status",
    "Stochastic",
    "Tempered",
    "Tree",
    "__version__",
    "align",
    "bootstrap",
    "compare",
    "criteria",
    "cross_validate",
    "datasets",
    "diagnose",
    "empirical_bayes",
    "expected_log_joint",
    "explain",
    "fit",
    "flat",
    "from_numpyro",
    "implicit_mode",
    "influence",
    "initial",
    "landscape",
    "likelihood_ratio_test",
    "load",
    "penalty",
    "posterior",
    "predictive_check",
    "remember",
    "select",
    "sensitivity",
    "sequences",
    "to_numpyro",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``jaxem --help`` is quick."""
    if name in _PACKAGES:
        return importlib.import_module(f"jaxem.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'jaxem' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
