"""The No-U-Turn sampler, started where a fit ended."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer import MCMC, NUTS

from jaxem.fitting import Fit
from jaxem.numerics.keys import as_key, generator
from jaxem.numerics.symmetric import covariance
from jaxem.posterior.fitted import Fitted, open_fit
from jaxem.posterior.improper import warn_of_improper_priors
from jaxem.posterior.starts import Start, chain_starts
from jaxem.types import Array, Data, DeclarationError

_FIELDS = ("accept_prob", "diverging", "energy", "num_steps", "potential_energy")

#: Smallest curvature, against the largest, that the sampler's metric believes.
_FLOOR = 1e-6


def nuts(
    fit: Fit,
    data: Data,
    *,
    key: Any = 0,
    warmup: int = 500,
    samples: int = 1000,
    chains: int = 4,
    weights: Any = None,
    lengths: Any = None,
    dense: bool = True,
    within: float = 10.0,
    target_accept: float = 0.8,
    chain_method: str = "vectorized",
    progress: bool = False,
) -> MCMC:
    r"""Sample the posterior of the parameters, the latent states summed out, from the mode on.

    The density is likelihood times prior times the Jacobian of NumPyro's unconstrained coordinates
    (Hoffman and Gelman 2014 for the sampler). The first chain starts at the best restart of the
    fit, the next ones at the next best optima that differ from it in objective and parameters, and
    further chains at draws from the Gaussian that has the curvature of the density at its mode. The
    inverse of that curvature is also the sampler's first metric, from which the warmup goes on. A
    parameter that the fit left on the boundary of its support is moved inside, with a warning.

    Chains that start at different labellings of one mixture could never be pooled, so those of
    equal objective are not used. Nothing keeps a chain from changing labels on its way.

    Args:
        fit: A fit; of a hard E-step, too, whose end is then but a start.
        data: The rows that were fitted.
        key: An int or a JAX key.
        warmup: Steps that adapt step size and metric, and are thrown away.
        samples: Draws that each chain keeps.
        chains: Number of chains.
        weights: The weights of rows, or of sequences, that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
        dense: A full metric, (d, d); else its diagonal.
        within: Nats by which an optimum may fall short of the best and still start a chain.
        target_accept: Acceptance probability that the step size is adapted to.
        chain_method: NumPyro's "vectorized", "sequential" or "parallel" (one device a chain).
        progress: Whether to show NumPyro's progress bar.

    Returns:
        NumPyro's MCMC, already run: ``get_samples()`` gives draws by dotted name, fixed parameters
        as well; ``get_extra_fields()`` acceptance, divergence, energy, steps and potential energy.

    Raises:
        DeclarationError: If an option is out of range, or the fit or the data cannot be used.
    """
    _check_options(warmup, samples, chains, within, target_accept, chain_method)
    key = as_key(key)
    fitted = open_fit(
        fit, data, weights, chains if chain_method == "vectorized" else 1, lengths=lengths
    )
    warn_of_improper_priors(fitted.target.model)

    options = {
        "num_warmup": warmup,
        "num_samples": samples,
        "num_chains": chains,
        "chain_method": chain_method,
        "progress_bar": progress,
    }
    sampler = _sample(fitted, key, within, dense, target_accept, options)
    if not fitted.holds(sampler.get_samples()):
        sampler = _sample(fitted.on_rows(), key, within, dense, target_accept, options)
    warn_of_divergences(sampler)
    return sampler


def _sample(
    fitted: Fitted,
    key: Array,
    within: float,
    dense: bool,
    target_accept: float,
    options: dict[str, Any],
) -> MCMC:
    """Find the mode, start the chains, and run them."""
    target, chains = fitted.target, options["num_chains"]
    mode = target.mode(fitted.start(fitted.fit.restarts.best).u)
    u, starts = chain_starts(fitted, mode, chains, within, generator(key))
    _warn_of_edges(starts)
    metric = covariance(mode.precision, _FLOOR)
    kernel = NUTS(
        potential_fn=target.potential,
        inverse_mass_matrix=jnp.asarray(metric if dense else np.diagonal(metric), target.dtype),
        dense_mass=dense,
        target_accept_prob=target_accept,
    )
    sampler = MCMC(kernel, postprocess_fn=target.constrain, **options)
    begin = jax.vmap(target.split)(jnp.asarray(u, target.dtype))
    begin = begin if chains > 1 else jax.tree.map(lambda leaf: leaf[0], begin)
    sampler.run(key, init_params=begin, extra_fields=_FIELDS)
    return sampler


def warn_of_divergences(sampler: MCMC) -> None:
    """Say how many draws diverged, if any, and what helps."""
    diverging = np.asarray(sampler.get_extra_fields()["diverging"])
    if diverging.any():
        warnings.warn(
            f"{int(diverging.sum())} of {diverging.size} draws diverged: the step is too long for "
            f"some corner of the posterior, which is then visited too rarely. Try "
            f"target_accept=0.95, a longer warmup, or dense=False; a hierarchy may need its "
            f"effects written as standard normals times a scale.",
            stacklevel=3,
        )


def _warn_of_edges(starts: list[Start]) -> None:
    moved = sorted({name for start in starts for name in start.moved})
    if moved:
        warnings.warn(
            f"the fit left {', '.join(map(repr, moved))} on the boundary of the support, which is "
            f"infinitely far away in unconstrained coordinates; the chains start just inside.",
            stacklevel=4,
        )


def _check_options(warmup, samples, chains, within, target_accept, chain_method) -> None:
    for name, value, least in (
        ("warmup", warmup, 0),
        ("samples", samples, 1),
        ("chains", chains, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise DeclarationError(f"{name} must be an integer of at least {least}; got {value!r}.")
    if not within >= 0:
        raise DeclarationError(f"within must be at least 0 nats; got {within!r}.")
    if not 0 < target_accept < 1:
        raise DeclarationError(f"target_accept must lie between 0 and 1; got {target_accept!r}.")
    if chain_method not in ("vectorized", "sequential", "parallel"):
        raise DeclarationError(
            f'chain_method must be "vectorized", "sequential" or "parallel"; got {chain_method!r}.'
        )
