"""Algorithms: a step from parameters to better parameters. The loop is not theirs."""

from jaxem.algorithm.algorithm import Algorithm
from jaxem.algorithm.anderson import Anderson
from jaxem.algorithm.annealed import Annealed
from jaxem.algorithm.em import EM
from jaxem.algorithm.incremental import Incremental
from jaxem.algorithm.online import Online
from jaxem.algorithm.squarem import Squarem
from jaxem.algorithm.stochastic import Stochastic
from jaxem.algorithm.warm_up import WarmUp

__all__ = [
    "EM",
    "Algorithm",
    "Anderson",
    "Annealed",
    "Incremental",
    "Online",
    "Squarem",
    "Stochastic",
    "WarmUp",
]
