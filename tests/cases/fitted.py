"""Published cases, fitted once for all the tests that read a fit."""

from functools import cache

import jaxem
from tests.cases import chains, classes, gaussians
from tests.cases.published import Declared


@cache
def old_faithful() -> tuple[Declared, jaxem.Fit]:
    declared = gaussians.old_faithful()
    return declared, declared.fit(restarts=4)


@cache
def carcinoma() -> tuple[Declared, jaxem.Fit]:
    declared = classes.carcinoma(3)
    return declared, declared.fit(restarts=10)


@cache
def speed_with_payoff() -> tuple[chains.Chained, jaxem.Fit]:
    declared = chains.speed_with_payoff()
    return declared, declared.fit()
