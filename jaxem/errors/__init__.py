"""Standard errors of the estimates: information, covariances, intervals."""

from jaxem.errors.record import Errors, Interval
from jaxem.errors.standard import standard_errors

__all__ = ["Errors", "Interval", "standard_errors"]
