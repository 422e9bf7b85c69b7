"""Checks that a program is a model of independent data, with error messages in words."""

import jax.numpy as jnp

from jaxem.programs.anatomy import Anatomy
from jaxem.programs.densities import Dependence
from jaxem.programs.run import Run, Site
from jaxem.types import DeclarationError


def refuse_scales(whole: Run) -> None:
    """Refuse a run with a scaled site.

    Raises:
        DeclarationError: Naming the site.
    """
    for site in whole.sites.values():
        if site.kind == "sample" and site.scale is not None and not jnp.all(site.scale == 1):
            raise DeclarationError(
                f"the log density of site {site.name!r} is scaled (numpyro.handlers.scale), and "
                f"a scaled density has no hidden states. Weigh the data instead: "
                f"jaxem.fit(..., weights=w)."
            )


def refuse_unplated(discrete: tuple[Site, ...], hidden: tuple[str, ...]) -> None:
    """Refuse independent data without a hidden state of their own.

    Raises:
        DeclarationError: If there is no hidden discrete site, or one is in no plate.
    """
    if not discrete:
        raise DeclarationError(
            f"the program has no hidden discrete site that its observed sites depend on; its "
            f"hidden sites are {', '.join(map(repr, hidden)) or 'none'}. EM needs a discrete "
            f"latent, such as numpyro.sample('z', dist.Categorical(weights)) inside the plate of "
            f"the data. A distribution that sums over components itself, such as "
            f"dist.MixtureSameFamily, has to be written with such a site; states in time need "
            f"numpyro.contrib.control_flow.scan, not jax.lax.scan."
        )
    for site in discrete:
        if not site.plates:
            raise DeclarationError(
                f"the hidden discrete site {site.name!r} is in no plate: jaxem needs one hidden "
                f"state a datum. Put it and the observed sites that belong to it in one "
                f"numpyro.plate('data', len(x)); a value for all data at once would have to be "
                f"fitted for each of its states in turn. States that follow one another in time "
                f"belong into numpyro.contrib.control_flow.scan."
            )


def split_chain(discrete: tuple[Site, ...]) -> tuple[tuple[Site, ...], tuple[Site, ...]]:
    """The hidden discrete sites before a scan, and those inside of it.

    Raises:
        DeclarationError: If none is inside, or those before are not their first states.
    """
    inside = tuple(s for s in discrete if s.scanned)
    before = tuple(s for s in discrete if not s.scanned)
    if not inside:
        raise DeclarationError(
            "the program scans, but no hidden discrete site that the data depend on is inside "
            "the scan. A recursion without hidden states can be a jax.lax.scan before the plate "
            "of the data; hidden states that do not follow one another need a plate and no scan."
        )
    if len(before) not in (0, len(inside)):
        raise DeclarationError(
            f"the scan has the hidden states {', '.join(repr(s.name) for s in inside)}, and before "
            f"it are {', '.join(repr(s.name) for s in before)}: jaxem expects a first state for "
            f"each of them, or none. A state that a sequence keeps (a class of sequences) is "
            f"declared by hand, with jaxem.Chain(state=K, kind=G)."
        )
    return before, inside


def admit(anatomy: Anatomy, depends: Dependence, supports: Dependence) -> None:
    """Check that data are independent given the parameters, and that these are parameters.

    Args:
        anatomy: The parts of the program.
        depends: For every site, the hidden values on which its log density depends.
        supports: For every site, the hidden values on which its support depends.

    Raises:
        DeclarationError: If they are not; with the name of the site that prevents it.
    """
    _refuse_entangled(anatomy, depends)
    for site in anatomy.parameters:
        _check_parameter(site, anatomy, supports.get(site.name, frozenset()) - {site.name})


def refuse_known(anatomy: Anatomy) -> None:
    """Refuse a program without parameters.

    Raises:
        DeclarationError: If nothing is to be estimated.
    """
    if not anatomy.parameters:
        raise DeclarationError(
            "the observed sites depend on no continuous site and no numpyro.param: there is "
            "nothing to estimate."
        )


def _refuse_entangled(anatomy: Anatomy, depends: Dependence) -> None:
    """Check that no site outside a datum depends on its hidden state."""
    states = {s.name for s in anatomy.discrete}
    names = {s.name for s in anatomy.parameters}
    for name in (*anatomy.outer, *names):
        if found := sorted(depends.get(name, frozenset()) & states):
            raise DeclarationError(
                f"site {name!r} depends on the hidden state {found[0]!r} and is not in "
                f"{_place(anatomy)}: the data would not be independent given the parameters. Move "
                f"it into {'the scan' if anatomy.scans else 'the plate'}."
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


def _place(anatomy: Anatomy) -> str:
    """The plate or scan of the data, in words."""
    plates = ", ".join(map(repr, anatomy.plates))
    inside = f"the plate of the data ({plates})" if plates else ""
    return " or ".join(filter(None, [inside, "the scan" if anatomy.scans else ""]))


def _random_effect(site: Site, anatomy: Anatomy) -> str:
    return (
        f"site {site.name!r} ({site.family}) is continuous and inside {_place(anatomy)}: it has "
        f"one value for each of {anatomy.count} data, so it is a random effect and no parameter, "
        f"and jaxem sums over discrete states only. Integrate it out by hand, put a grid of "
        f"values in its place (dist.Categorical over nodes), or leave it to NUTS."
    )
