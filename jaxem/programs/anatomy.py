"""What a program is made of: parameters, hidden discrete sites, the plates that hold a datum.

A hidden site belongs to the model if the evidence depends on it, directly or through others. One on
which nothing depends (a prediction, the unobserved part of a masked site) integrates to one and
is left out.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from jaxem.programs.densities import Densities, Dependence
from jaxem.programs.run import TRACER_ERRORS, Run, Site, run
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """What a program is made of.

    Attributes:
        whole: A run on all data, at ordinary values.
        densities: The log density of every site on all data.
        parameters: Continuous sites and param sites that matter, in the order of the program.
        parents: For each, the parameters that its prior depends on.
        discrete: Hidden discrete sites that matter, in the order of the program.
        plates: The plates that hold a datum, outermost first, with their dimensions.
        inner: Sites whose log densities make the joint of a datum.
        outer: Observed sites and factors of no single datum.
        outer_parents: The parameters that these depend on.
    """

    whole: Run
    densities: Densities
    parameters: tuple[Site, ...]
    parents: Mapping[str, frozenset[str]]
    discrete: tuple[Site, ...]
    plates: Mapping[str, int]
    inner: frozenset[str]
    outer: frozenset[str]
    outer_parents: frozenset[str]

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the plates that hold a datum, outermost first."""
        return {plate: self.whole.sizes[plate] for plate in self.plates}

    @property
    def count(self) -> int:
        """The number of data."""
        return math.prod(self.sizes.values())

    def in_a_datum(self, site: Site) -> bool:
        """Whether there is one of this site a datum."""
        return set(self.plates) <= set(site.plates)


def dissect(program: Callable[[], Any]) -> Anatomy:
    """Run a program on all data, and find out what it is made of.

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
    _refuse_scales(whole)
    densities = _densities(program, whole, tuple(hidden))
    depends, supports = densities.densities_on, densities.supports_on
    matter = _ancestors(depends, frozenset(s.name for s in observed))
    discrete = tuple(s for s in hidden.values() if s.name in matter and s.is_discrete)
    plates = _common_plates(discrete, tuple(hidden))
    within = {s.name for s in observed if set(plates) <= set(s.plates)}
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
        inner=frozenset(within | {s.name for s in discrete}),
        outer=outer,
        outer_parents=outer_parents,
    )
    _refuse_entangled(anatomy, depends)
    for site in parameters:
        _check_parameter(site, anatomy, supports.get(site.name, frozenset()) - {site.name})
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
    """Everything hidden that the log densities of these sites hang on."""
    found: frozenset[str] = frozenset()
    while sites:
        # a param site has no density, and so hangs on nothing
        direct = frozenset().union(*(depends.get(name, frozenset()) for name in sites))
        sites, found = direct - found, found | direct
    return found


def _common_plates(discrete: tuple[Site, ...], hidden: tuple[str, ...]) -> dict[str, int]:
    if not discrete:
        raise DeclarationError(
            f"the program has no hidden discrete site that its observed sites depend on; its "
            f"hidden sites are {', '.join(map(repr, hidden)) or 'none'}. EM needs a discrete "
            f"latent, such as numpyro.sample('z', dist.Categorical(weights)) inside the plate of "
            f"the data. A distribution that sums over components itself, such as "
            f"dist.MixtureSameFamily, has to be written with such a site."
        )
    for site in discrete:
        if not site.plates:
            raise DeclarationError(
                f"the hidden discrete site {site.name!r} is in no plate: jaxem needs one hidden "
                f"state a datum. Put it and the observed sites that belong to it in one "
                f"numpyro.plate('data', len(x)); a value for all data at once would have to be "
                f"fitted for each of its states in turn."
            )
    first, *others = discrete
    plates = {
        name: dim for name, dim in first.plates.items() if all(name in s.plates for s in others)
    }
    if not plates:
        listed = ", ".join(f"{s.name!r} in {', '.join(map(repr, s.plates))}" for s in discrete)
        raise DeclarationError(
            f"the hidden discrete sites have no plate in common: {listed}. jaxem fits data that "
            f"are independent given the parameters, each with its own hidden states; put the "
            f"sites in the plate of the same data."
        )
    return plates


def _refuse_scales(whole: Run) -> None:
    for site in whole.sites.values():
        if site.kind == "sample" and site.scale is not None and not jnp.all(site.scale == 1):
            raise DeclarationError(
                f"the log density of site {site.name!r} is scaled (numpyro.handlers.scale), and "
                f"a scaled density has no hidden states. Weigh the data instead: "
                f"jaxem.fit(..., weights=w)."
            )


def _refuse_entangled(anatomy: Anatomy, depends: Dependence) -> None:
    """Nothing outside a datum may depend on its hidden state."""
    states = {s.name for s in anatomy.discrete}
    names = {s.name for s in anatomy.parameters}
    for name in (*anatomy.outer, *names):
        if found := sorted(depends.get(name, frozenset()) & states):
            raise DeclarationError(
                f"site {name!r} depends on the hidden state {found[0]!r} and is not in the plate "
                f"of the data ({', '.join(map(repr, anatomy.plates))}): the data would not be "
                f"independent given the parameters. Move it into the plate."
                if name not in names or not anatomy.in_a_datum(anatomy.whole.sites[name])
                else _random_effect(anatomy.whole.sites[name], anatomy)
            )


def _check_parameter(site: Site, anatomy: Anatomy, moving: frozenset[str]) -> None:
    name = site.name
    if anatomy.in_a_datum(site):
        raise DeclarationError(_random_effect(site, anatomy))
    if not hasattr(site.value, "shape") and not isinstance(site.value, int | float):
        raise DeclarationError(
            f"numpyro.param {name!r} is a {type(site.value).__name__}, not an array: give every "
            f"array a numpyro.param of its own."
        )
    if site.support is None:
        raise DeclarationError(
            f"site {name!r} has neither a support nor a prior ({site.family}). Sample "
            f"it from a distribution with a support, or make it numpyro.param({name!r}, value, "
            f"constraint=...)."
        )
    if moving:
        raise DeclarationError(
            f"the support of {name!r} depends on {', '.join(map(repr, sorted(moving)))}. Give "
            f"it a fixed support: sample a fraction in (0, 1), for instance, and multiply."
        )


def _random_effect(site: Site, anatomy: Anatomy) -> str:
    return (
        f"site {site.name!r} ({site.family}) is continuous and inside the plate of the data "
        f"({', '.join(map(repr, anatomy.plates))}): it has one value for each of {anatomy.count} "
        f"data, so it is a random effect and no parameter, and jaxem sums over discrete states "
        f"only. Integrate it out by hand, put a grid of values in its place "
        f"(dist.Categorical over nodes), or leave it to NUTS."
    )
