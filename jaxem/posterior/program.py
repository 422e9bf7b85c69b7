"""A declared model as a NumPyro program, its latent states summed out."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro

from jaxem.latent import Markov
from jaxem.likelihood.units import evidence, make_source
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.prior import Parameter
from jaxem.model.tied import Tied, nest_known, tied_values
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.posterior.rows import prepare
from jaxem.types import Array, Data, DeclarationError

NumPyroProgram = Callable[..., None]


def to_numpyro(
    model: Any, data: Any = None, *, weights: Any = None, lengths: Any = None
) -> NumPyroProgram:
    r"""A declared model as a program for NumPyro's own MCMC, SVI and automatic guides.

    Every free parameter is a sample site of its dotted name with its prior, a flat one
    ``ImproperUniform``; a fixed one is a deterministic site. The latent states are summed out, and
    :math:`w_i \log p(x_i \mid \theta)` is a factor, ``"log_likelihood"``, in a plate over the rows,
    ``"rows"`` (with an underscore appended where a parameter has that name); of a chain, over the
    sequences. The log density of the program is that of NumPyro's own enumeration of the same
    model, up to no constant.

    Args:
        model: The declared model; with data, also a program from `jaxem.from_numpyro`.
        data: Rows, checked here; the program then takes no arguments.
        weights: Weights of rows, or of sequences, (n,); only together with data.
        lengths: For a chain, the steps of each sequence, (n,); only together with data.

    Returns:
        ``program()``; or, without data, ``program(data, weights=None, lengths=None)``, which takes
        them as they are, so that they may be traced.

    Raises:
        DeclarationError: If the model or the data cannot be used as given.
    """
    if not isinstance(model, Model) and (data is None or not hasattr(model, "bind")):
        raise DeclarationError(
            f"to_numpyro takes a jaxem.Model(log_joint, latent, prior) first, or, with data, a "
            f"jaxem.from_numpyro(program); got {model!r}. Of a fit, give fit.model."
        )
    if data is None:
        if weights is not None or lengths is not None:
            raise DeclarationError(
                "to_numpyro was given weights or lengths without data; give the data as well, or "
                "give all to the program that it returns."
            )
        return _open(model)
    bound, checked = prepare(model, data, weights, lengths)
    rows, ends = bound.rows, None
    if bound.sequences is not None:
        rows, ends = bound.sequences.rectangle(rows), bound.sequences.lengths
        checked = checked[bound.sequences.starts]
    program, given = _open(bound.model), None if weights is None else checked
    return lambda: program(rows, given, ends)


def _open(model: Model) -> NumPyroProgram:
    """The program that takes rows, or sequences, and weights when it runs."""
    order = order_of_priors(model)
    plate, factor = site_name(model, "rows"), site_name(model, "log_likelihood")

    def program(data: Data, weights: Any = None, lengths: Any = None) -> None:
        values = sample_parameters(model, order)
        rows = jax.tree.map(jnp.asarray, data)
        count = row_count(rows)
        with numpyro.plate(plate, count):
            if isinstance(model.latent, Markov):
                found = model.latent.log_partition(model.factors(values, rows, lengths))
            else:
                source = make_source(
                    Bound(model, rows, None), np.ones(count, jnp.result_type(float))
                )
                found = evidence(model, values, source).reshape(-1)[:count]
            if weights is not None:
                found = weighted(found, jnp.asarray(weights, found.dtype))
            numpyro.factor(factor, found)

    return program


def order_of_priors(model: Model) -> tuple[Parameter, ...]:
    """All parameters, each after those that its prior depends on."""
    known: tuple[Parameter, ...] = ()
    waiting = model.parameters
    while waiting:
        ready = tuple(p for p in waiting if not p.is_conditional or _is_known(p, known, model.tied))
        assert ready, "a declared model has an order"
        known += ready
        waiting = tuple(p for p in waiting if p not in ready)
    return known


def _is_known(parameter: Parameter, known: tuple[Parameter, ...], tied: tuple[Tied, ...]) -> bool:
    """Whether all arguments of a prior that is a function of parameters are known."""
    try:
        values = {p.name: jnp.asarray(p.center()) for p in known}
        parameter.distribution(nest_known(values, known, tied))
    except KeyError:
        return False
    return True


def sample_parameters(model: Model, order: tuple[Parameter, ...]) -> dict[str, Array]:
    """One NumPyro site for each parameter, in this order, and the factors of their joint prior.

    Returns:
        Values by dotted name.
    """
    values: dict[str, Array] = {}
    for k, p in enumerate(order):
        if p.fixed is not None:
            fixed = jnp.asarray(p.fixed, jnp.result_type(float))
            values[p.name] = jnp.asarray(numpyro.deterministic(p.name, fixed))
            continue
        prior = p.distribution(nest_known(values, order[:k], model.tied))
        values[p.name] = jnp.asarray(numpyro.sample(p.name, prior.to_event()))
    for name, value in tied_values(values, model.parameters, model.tied).items():
        numpyro.deterministic(name, value)
    params = model.nest(values)
    terms = [t.log_density(params) for t in model.tied if t.weighed]
    if model.factor is not None or terms:
        terms.append(jnp.zeros(()) if model.factor is None else model.factor(params))
        numpyro.factor(site_name(model, "factor"), sum(terms))
    return values


def site_name(model: Model, wanted: str) -> str:
    """A site name: the wanted one, with underscores appended until no parameter has it."""
    while any(p.name == wanted for p in (*model.parameters, *model.tied)):
        wanted += "_"
    return wanted
