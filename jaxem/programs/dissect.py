"""Finding the parts of a program: parameters, hidden discrete sites, the plates of the data.

A hidden site belongs to the model if the evidence depends on it, directly or through others. Other
hidden sites (a prediction, the unobserved part of a masked site) integrate to one and are left out.
"""

from collections.abc import Callable
from typing import Any

from jaxem.programs.admission import admit, refuse_scales, refuse_unplated, split_chain
from jaxem.programs.anatomy import Anatomy
from jaxem.programs.densities import Densities, Dependence
from jaxem.programs.run import TRACER_ERRORS, Run, Site, run
from jaxem.types import DeclarationError


def dissect(program: Callable[[], Any]) -> Anatomy:
    """The parts of a program, from a run on all data.

    Args:
        program: The program with its arguments.

    Raises:
        DeclarationError: If it is no model of a hidden discrete state for every datum.
    """
    whole = run(program, {})
    hidden = {
        s.name: s
        for s in whole.sites.values()
        if s.kind == "param" or (s.kind == "sample" and not s.observed and not s.is_delta)
    }
    observed = [s for s in whole.sites.values() if s.kind == "sample" and s.observed]
    if not observed:
        raise DeclarationError(
            "the program has no observed site: no numpyro.sample(..., obs=...) and no "
            "numpyro.factor. Was the data argument left out, or None?"
        )
    refuse_scales(whole)
    densities = _densities(program, whole, tuple(hidden))
    depends, supports = densities.densities_on, densities.supports_on
    matter = _ancestors(depends, frozenset(s.name for s in observed))
    discrete = tuple(s for s in hidden.values() if s.name in matter and s.is_discrete)
    if whole.carries:
        first, discrete = split_chain(discrete)
    else:
        first = ()
        refuse_unplated(discrete, tuple(hidden))
    plates = _common_plates((*first, *discrete))
    starts = frozenset(s.name for s in first)
    within = {
        s.name
        for s in observed
        if s.scanned or (set(plates) <= set(s.plates) if plates else depends[s.name] & starts)
    }
    outer = frozenset(s.name for s in observed) - within
    outer_parents = frozenset().union(*(depends[name] for name in outer))
    parameters = tuple(s for s in hidden.values() if s.name in matter and not s.is_discrete)
    names = frozenset(s.name for s in parameters)
    anatomy = Anatomy(
        whole=whole,
        densities=densities,
        parameters=parameters,
        parents={s.name: depends.get(s.name, frozenset()) & names - {s.name} for s in parameters},
        discrete=discrete,
        plates=plates,
        inner=frozenset(within | {s.name for s in (*first, *discrete)}),
        outer=outer,
        outer_parents=outer_parents,
        first=first,
    )
    admit(anatomy, depends, supports)
    return anatomy


def _densities(program: Callable[[], Any], whole: Run, hidden: tuple[str, ...]) -> Densities:
    try:
        return Densities(program, whole, hidden)
    except TRACER_ERRORS as error:
        where = str(error).strip().splitlines()[0]
        raise DeclarationError(
            f"the program asks what a hidden value or a parameter is (if, while, int(), a NumPy "
            f"function), but these are traced, as they are for NUTS; the hidden sites are "
            f"{', '.join(map(repr, hidden))}. Write jnp.where or jax.lax.cond instead of if, "
            f"jax.numpy instead of numpy, and compute a size from data with numpy instead of "
            f"jax.numpy. JAX says: {where}"
        ) from error


def _ancestors(depends: Dependence, sites: frozenset[str]) -> frozenset[str]:
    """All hidden sites on which the log densities of these sites depend, directly or not."""
    found: frozenset[str] = frozenset()
    while sites:
        # a param site has no density, and so depends on nothing
        direct = frozenset().union(*(depends.get(name, frozenset()) for name in sites))
        sites, found = direct - found, found | direct
    return found


def _common_plates(discrete: tuple[Site, ...]) -> dict[str, int]:
    """The plates that contain all hidden sites; none are needed for a chain."""
    first, *others = discrete
    plates = {
        name: dim for name, dim in first.plates.items() if all(name in s.plates for s in others)
    }
    if not plates and any(s.plates for s in discrete):
        listed = ", ".join(f"{s.name!r} in {', '.join(map(repr, s.plates))}" for s in discrete)
        raise DeclarationError(
            f"the hidden discrete sites have no plate in common: {listed}. jaxem fits data that "
            f"are independent given the parameters, each with its own hidden states; put the "
            f"sites in the plate of the same data."
        )
    return plates
