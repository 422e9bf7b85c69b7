"""The table of programs and their twins: a new one joins every test by one line."""

import functools

from . import annotation, chains, mixtures, structured
from .case import Case

CASES = {
    "gaussian": mixtures.gaussian,
    "poisson": mixtures.poisson,
    "latent classes": mixtures.latent_classes,
    "mixed types": mixtures.mixed_types,
    "zero-inflated": mixtures.zero_inflated,
    "regressions": structured.regressions,
    "concomitant": structured.concomitant,
    "hierarchical": structured.hierarchical,
    "grouped": structured.grouped,
    "dependent": structured.dependent,
    "outliers": structured.outliers,
    "dawid-skene": annotation.raters,
    "hidden markov": chains.hmm,
}


@functools.cache
def twins(name: str) -> Case:
    """The case of this name; the same object each time."""
    return CASES[name]()


@functools.cache
def program(name: str):
    """Its program as a model; the same object each time, so that it is planned once."""
    import jaxem

    return jaxem.from_numpyro(twins(name).program)
