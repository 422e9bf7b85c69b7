"""Inspection of models and plans: explanations in words, and Q as a function."""

from jaxem.inspection.expected import expected_log_joint
from jaxem.inspection.explain import Explanation, explain

__all__ = ["Explanation", "expected_log_joint", "explain"]
