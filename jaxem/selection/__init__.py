"""Choosing between models: criteria, held-out likelihoods, a bootstrap test."""

from jaxem.selection.compare import Comparison, compare
from jaxem.selection.criteria import Criteria, criteria
from jaxem.selection.folds import HeldOut, cross_validate
from jaxem.selection.ratio import RatioTest, likelihood_ratio_test
from jaxem.selection.select import Selection, select

__all__ = [
    "Comparison",
    "Criteria",
    "HeldOut",
    "RatioTest",
    "Selection",
    "compare",
    "criteria",
    "cross_validate",
    "likelihood_ratio_test",
    "select",
]
