"""Standard errors at a point of the log posterior."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.errors.covariance import KINDS, read_clusters, spread_of_scores
from jaxem.errors.identify import Identified, combination, identify
from jaxem.errors.missing import em_rate, missing_fraction
from jaxem.errors.record import Errors
from jaxem.errors.surface import Compile, Curvature, Quantity, Surface
from jaxem.likelihood.chart import make_chart, tree_names
from jaxem.likelihood.units import Units
from jaxem.model import Model
from jaxem.model.tied import nest
from jaxem.types import DeclarationError, Params

#: A quantity whose slopes are all below this is constant: the derivatives of a probability that is
#: held at 0 are those of the 1e-30 in its place.
STILL = 1e-28


def standard_errors(
    model: Model,
    units: Units,
    params: Params,
    *,
    references: Mapping[str, np.ndarray],
    resting: Mapping[str, np.ndarray],
    of: Quantity | None,
    kind: str,
    clusters: Any,
    endless: tuple[str, ...],
    compile: Compile,
) -> Errors:
    """Standard errors at a mode; see `Fit.errors`.

    Args:
        model: The declared model.
        units: The data, in their order where there are clusters.
        params: The mode, nested as declared.
        references: Ordinary values of the free parameters, by dotted name.
        resting: Which of their entries are exactly at a kink of the prior, by dotted name.
        of: Quantities of interest; the free parameters themselves if None.
        kind: One of `KINDS`.
        clusters: Cluster of each unit, or None.
        endless: Names of real coordinates that go to infinity, or no longer affect the objective.
        compile: How programs are compiled and kept.

    Raises:
        DeclarationError: If an option is unknown, or a quantity is no array of numbers.
    """
    if kind not in KINDS:
        raise DeclarationError(f"kind={kind!r}; expected one of {', '.join(map(repr, KINDS))}.")
    groups = read_clusters(clusters, kind, units.count)
    values = model.flatten(params)
    chart, place = make_chart(model, values, references, resting, units.total, endless)
    own = of is None
    surface = Surface(model, chart, units, of, compile)
    _check_quantity(surface, model, of)
    curvature = surface.curvature()
    scores = None if kind == "information" else surface.scores()
    base, spread = _covariances(curvature, scores, units, groups, kind)
    estimate, slopes = surface.quantity()
    if own:
        estimate = _in_order(model, lambda p: np.asarray(values[p.name], float).ravel())
    held = np.abs(slopes).max(1, initial=0.0) <= STILL
    if own:
        without = (place.edge, place.resting, place.endless)
        held |= _in_order(model, lambda p: np.any([w[p.name] for w in without], 0).ravel())
    covariance = slopes @ spread @ slopes.T
    unknown = held | base.misses(slopes) | (base.upward.shape[1] > 0)
    covariance[unknown] = covariance[:, unknown] = np.nan
    eps = float(jnp.finfo(chart.base.dtype).eps)
    observed, complete = (identify(m, eps) for m in (curvature.observed, curvature.complete))
    missing = missing_fraction(slopes, observed.inverse, complete.inverse)
    rate = em_rate(curvature, complete)
    names = tree_names(surface.shaped(estimate))
    flat, upward = (_combinations(m, place.names) for m in (base.flat, base.upward))
    boundary, at_kinks, infinite = (
        _entries(model, where) for where in (place.edge, place.resting, place.endless)
    )
    return Errors(
        names=names,
        estimate=surface.shaped(estimate),
        se=surface.shaped(np.sqrt(np.diagonal(covariance))),
        covariance=covariance,
        missing=surface.shaped(np.where(unknown, np.nan, missing)),
        rate=rate,
        kind=kind,
        boundary=boundary,
        resting=at_kinks,
        unidentified=flat,
        upward=upward,
        notes=(
            *_notes(boundary, at_kinks, infinite, flat, upward, scores, groups, rate),
            *(_of_tied(model) if own else ()),
        ),
        coordinates=place.names,
        curvature=curvature,
        surface=surface,
        identified=observed,
        slopes=slopes,
        bounds=_bounds(model) if own else _no_bounds(len(estimate)),
    )


def _covariances(
    curvature: Curvature, scores: np.ndarray | None, units: Units, groups: Any, kind: str
) -> tuple[Identified, np.ndarray]:
    """The information matrix that decides what is identified, and the covariance, (d, d)."""
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    base = identify(curvature.observed, eps)
    if scores is None:
        return base, base.inverse
    spread = spread_of_scores(scores, units.weights.astype(float), groups)
    if kind == "sandwich":
        return base, base.inverse @ spread @ base.inverse
    base = identify(spread + curvature.prior, eps)
    return base, base.inverse


def _check_quantity(surface: Surface, model: Model, of: Quantity | None) -> None:
    if of is None:
        return
    if not callable(of):
        raise DeclarationError(
            f"of must be a function of the parameters that returns numbers; got {of!r}."
        )
    params = model.nest(surface.chart.values(model, surface.chart.point))
    try:
        leaves = jax.tree.leaves(jax.eval_shape(of, params))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DeclarationError(
            f"of(params) fails for params of shapes { {p.name: p.shape for p in model.parameters} }"
            f": {error}. It must be written in JAX."
        ) from error
    if not leaves or not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves):
        raise DeclarationError("of(params) must return an array, or a pytree of arrays, of floats.")


def _in_order(model: Model, leaf_of: Any) -> np.ndarray:
    """Arrays of all free parameters, (..., m), in the order in which JAX flattens them."""
    tree = nest({p.name: leaf_of(p) for p in model.free}, model.free)
    return np.concatenate(jax.tree.leaves(tree), -1)


def _entries(model: Model, where: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """The entries of free parameters that are marked, in words."""
    names = tree_names(nest({p.name: np.zeros(p.shape) for p in model.free}, model.free))
    marked = _in_order(model, lambda p: where[p.name].ravel())
    return tuple(name for name, mark in zip(names, marked, strict=True) if mark)


def _bounds(model: Model) -> np.ndarray:
    return _in_order(model, lambda p: p.support.bounds(p.shape).reshape(2, -1))


def _no_bounds(count: int) -> np.ndarray:
    return np.stack([np.full(count, -np.inf), np.full(count, np.inf)])


def _combinations(directions: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(combination(v, names) for v in directions.T)


def _of_tied(model: Model) -> tuple[str, ...]:
    """A note on parameters that are functions of others, whose errors are not listed."""
    if not model.tied:
        return ()
    name = model.tied[0].name
    reached = "".join(f"[{key!r}]" for key in name.split("."))
    return (
        f"functions of other parameters, and not listed: {', '.join(t.name for t in model.tied)}; "
        f"fit.errors(data, of=lambda params: params{reached}) gives theirs.",
    )


def _notes(boundary, resting, infinite, flat, upward, scores, groups, rate) -> tuple[str, ...]:
    held = {"on the boundary of the support": boundary, "at a kink": resting}
    notes = [
        f"{where}, and held there: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}. They "
        f"have no standard error, and those of the others are given that these are where they are."
        for where, names in held.items()
        if names
    ]
    if infinite:
        notes.append(
            f"the supremum is at infinity; these go there, or no longer matter there: "
            f"{', '.join(infinite[:8])}{', ...' if len(infinite) > 8 else ''}. They have no "
            f"standard error, and those of the others are of the supremum."
        )
    notes += [f"not identified: the likelihood does not change along {words}." for words in flat]
    notes += [
        f"a saddle: the objective curves upwards along {words}; the fit is no maximum and has no "
        f"standard errors."
        for words in upward
    ]
    if scores is not None and groups is not None and groups.max() + 1 <= scores.shape[1]:
        notes.append(
            f"{groups.max() + 1} clusters for {scores.shape[1]} free numbers: too few for a "
            f"covariance of full rank."
        )
    if rate is None:
        notes.append("EM's rate: none, since Q curves downwards in no direction.")
    return tuple(notes)
