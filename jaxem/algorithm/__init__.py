"""Algorithms: a step from parameters to better parameters. The loop is not theirs."""

from jaxem.algorithm.em import EM

__all__ = ["EM"]
