"""Priors as functions of their own parameters.

A person may give such a function. Otherwise the arguments of the distributions that were declared
are read by name, and each distribution is built again from them; it counts as read only if the
copy has the same log density at the fit.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import biject_to

from jaxem.model import Model
from jaxem.model.prior import Prior, dotted
from jaxem.types import Array, DeclarationError

#: From hyper-parameters to priors, in the form of a declaration or a part of one.
PriorOf = Callable[[Any], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """Priors that depend on hyper-parameters.

    Attributes:
        model: The declared model.
        priors: From hyper-parameters to priors by dotted name; the others are as declared.
        hyper: Hyper-parameters of the fit, a pytree of floats.
        supports: Of each, its constraint, in the same form; None if any number will do.
        key: What tells this family from others of the model.
    """

    model: Model
    priors: Callable[[Any], dict[str, Prior]]
    hyper: Any
    supports: Any
    key: Any

    def log_prior(self, values: Mapping[str, Array], hyper: Any) -> Array:
        """Log density of the prior at interior parameters by dotted name; differentiable."""
        params, priors = self.model.nest(values), self.priors(hyper)
        total = jnp.zeros((), jnp.result_type(float))
        for p in self.model.free:
            if p.name in priors or p.described != "flat":
                prior = priors.get(p.name, p.prior)
                prior = prior if isinstance(prior, dist.Distribution) else prior(params)
                total = total + jnp.sum(prior.log_prob(values[p.name]))
        for tied in self.model.tied:
            if tied.weighed:
                total = total + tied.log_density(params)
        return total if self.model.factor is None else total + self.model.factor(params)

    def to_real(self, hyper: Any) -> Any:
        """Real coordinates of hyper-parameters."""
        return self._each(lambda support, leaf: biject_to(support).inv(leaf), hyper)

    def from_real(self, real: Any) -> Any:
        """Hyper-parameters with these real coordinates."""
        return self._each(lambda support, leaf: biject_to(support)(leaf), real)

    def _each(self, function: Callable[[Any, Array], Array], tree: Any) -> Any:
        if self.supports is None:
            return tree
        return {name: function(self.supports[name], leaf) for name, leaf in tree.items()}


def read_family(
    model: Model, values: Mapping[str, Array], log_prior: float, prior: PriorOf | None, hyper: Any
) -> Family:
    """The priors of a model as functions of hyper-parameters.

    Args:
        model: The declared model.
        values: Parameters of the fit by dotted name.
        log_prior: What the fit says of its prior.
        prior: A function of the hyper-parameters, or None to read those that were declared.
        hyper: Their values in the fit, with ``prior``.

    Raises:
        DeclarationError: If one is given without the other, or they do not give the prior of the
            fit.
    """
    if (prior is None) != (hyper is None):
        raise DeclarationError(
            "give prior, a function from hyper-parameters to priors, together with hyper, their "
            "values in the fit; or neither, to have the arguments of the declared priors."
        )
    if prior is None:
        return _declared(model, values)
    if not callable(prior):
        raise DeclarationError(
            f"prior must be a function of the hyper-parameters that returns priors by name, such "
            f'as lambda h: {{"loc": dist.Normal(0.0, h["scale"])}}; got {prior!r}.'
        )
    hyper = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(float)), hyper)
    names = {p.name: p for p in model.free}

    def priors(hyper: Any) -> dict[str, Prior]:
        return dict(dotted(prior(hyper)))

    unknown = sorted(set(priors(hyper)) - set(names))
    if unknown:
        raise DeclarationError(
            f"prior(hyper) has {', '.join(map(repr, unknown))}, which the fit did not estimate; it "
            f"estimated {', '.join(map(repr, names))}."
        )
    family = Family(model, priors, hyper, None, prior)
    found = float(family.log_prior(values, hyper))
    if not np.isclose(found, log_prior, rtol=1e-5, atol=1e-5):
        raise DeclarationError(
            f"the priors that prior(hyper) gives have log density {found:.6f} at the fit, and "
            f"those that were fitted {log_prior:.6f}. hyper must hold the values of the fit."
        )
    return family


def _declared(model: Model, values: Mapping[str, Array]) -> Family:
    """The arguments of the declared distributions by name, such as "weights.concentration"."""
    hyper, supports, built = {}, {}, {}
    for p in model.free:
        if p.is_conditional or p.described == "flat":
            continue
        found = _arguments(p.prior)
        if found and _is_same(p.prior, found, values[p.name]):
            built[p.name] = p.prior, tuple(found)
            base = _unwrapped(p.prior)
            hyper |= {f"{p.name}.{k}": v for k, v in found.items()}
            supports |= {f"{p.name}.{k}": base.arg_constraints[k] for k in found}

    def priors(hyper: Any) -> dict[str, Prior]:
        return {
            name: _rebuilt(prior, {k: hyper[f"{name}.{k}"] for k in arguments})
            for name, (prior, arguments) in built.items()
        }

    return Family(model, priors, hyper, supports, "declared")


def _unwrapped(prior: Any) -> Any:
    while isinstance(prior, dist.Independent | dist.ExpandedDistribution):
        prior = prior.base_dist
    return prior


def _arguments(prior: Any) -> dict[str, Array]:
    base = _unwrapped(prior)
    held = vars(base)
    return {
        name: jnp.asarray(held[name], jnp.result_type(float))
        for name in inspect.signature(type(base)).parameters
        if name in base.arg_constraints and held.get(name) is not None
    }


def _rebuilt(prior: Any, arguments: Mapping[str, Array]) -> Any:
    if isinstance(prior, dist.Independent):
        inner = _rebuilt(prior.base_dist, arguments)
        return inner.to_event(prior.reinterpreted_batch_ndims)
    if isinstance(prior, dist.ExpandedDistribution):
        return _rebuilt(prior.base_dist, arguments).expand(prior.batch_shape)
    asked = inspect.signature(type(prior)).parameters.values()
    rest = {
        p.name: getattr(prior, p.name)
        for p in asked
        if p.default is inspect.Parameter.empty and p.name not in arguments
    }
    return type(prior)(**rest, **arguments)


def _is_same(prior: Any, arguments: Mapping[str, Array], value: Array) -> bool:
    """Whether a distribution built again is the one that was declared."""
    try:
        copy = _rebuilt(prior, arguments)
        return copy.shape() == prior.shape() and bool(
            jnp.allclose(copy.log_prob(value), prior.log_prob(value), rtol=1e-5)
        )
    except (TypeError, ValueError, AttributeError, AssertionError):
        return False
