"""Flat priors: fine for a mode, and no guarantee that there is a posterior."""

import warnings

from jaxem.model import Model


def improper_priors(model: Model) -> tuple[str, ...]:
    """Names of the parameters that are flat on an unbounded set."""
    return tuple(p.name for p in model.free if p.described == "flat" and not p.support.is_bounded)


def warn_of_improper_priors(model: Model) -> None:
    """Say that the posterior may not be a distribution.

    In a mixture it never is when a component's own parameters are flat on an unbounded set: there
    is some probability that the component is empty (Diebolt and Robert 1994).
    """
    names = improper_priors(model)
    if names:
        warnings.warn(
            f"the prior of {', '.join(map(repr, names))} is flat on an unbounded set, so the "
            f"posterior may be improper; in a mixture it is, wherever a component may be empty, "
            f"and long chains end there. Give these parameters a proper prior.",
            stacklevel=3,
        )
