"""Algorithms: a step from parameters to better parameters. The loop is not theirs."""

from jaxem.algorithm.algorithm import Algorithm
from jaxem.algorithm.anderson import Anderson
from jaxem.algorithm.annealed import Annealed
from jaxem.algorithm.em import EM
from jaxem.algorithm.incremental import Incremental
from jaxem.algorithm.online import Online
from jaxem.algorithm.prelude import Prelude
from jaxem.algorithm.squarem import Squarem
from jaxem.algorithm.stochastic import Stochastic

__all__ = [
    "EM",
    "Algorithm",
    "Anderson",
    "Annealed",
    "Incremental",
    "Online",
    "Prelude",
    "Squarem",
    "Stochastic",
]
