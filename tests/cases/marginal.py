"""Cases whose latents are continuous: declared with these summed out, in closed form.

What is hidden then is a single state, and jaxem climbs the likelihood itself.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.stats import norm
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case

REAL, POSITIVE = constraints.real, constraints.positive


def _declare(density: Callable[..., Any], data: Any, init: Any, supports: Any, weights=None):
    """A likelihood of rows, as a model with a single state."""
    prior = {n: jaxem.flat(np.shape(v), supports.get(n, REAL)) for n, v in init.items()}
    model = jaxem.Model(lambda params, z, row: density(params, row), jaxem.Finite(1), prior)
    return Declared(model, data, weights, init)


def baseball() -> Declared:
    """Bradley and Terry: who of seven teams wins against whom; the first has strength zero."""
    wins = np.array(case("bradley_terry_baseball")["data"]["wins"])
    pairs = np.argwhere(wins > 0)

    def density(params, pair):
        strength = jnp.concatenate([jnp.zeros(1), params["strength"]])
        return jax.nn.log_sigmoid(strength[pair[0]] - strength[pair[1]])

    return _declare(density, pairs, {"strength": np.zeros(6)}, {}, wins[wins > 0])


def _ovarian() -> dict[str, np.ndarray]:
    data = case("censored_exponential_weibull_ovarian")["data"]
    return {name: np.array(data[name], float) for name in ("futime", "fustat", "age")}


def ovarian_exponential() -> Declared:
    """Survival with a constant hazard, right-censored."""

    def density(params, row):
        mean = params["log_mean"]
        return -row["fustat"] * mean - row["futime"] * jnp.exp(-mean)

    return _declare(density, _ovarian(), {"log_mean": np.array(6.0)}, {})


def ovarian_weibull() -> Declared:
    """Log survival is linear in age, with a Gumbel error."""

    def density(params, row):
        line = params["coef"] @ jnp.stack([jnp.ones(()), row["age"]])
        w = (jnp.log(row["futime"]) - line) / jnp.exp(params["log_scale"])
        seen = w - params["log_scale"] - jnp.log(row["futime"])
        return row["fustat"] * seen - jnp.exp(w)

    return _declare(
        density, _ovarian(), {"coef": np.array([12.0, -0.09]), "log_scale": np.array(-0.4)}, {}
    )


def smoked_fish() -> Declared:
    """Normal values, seen exactly, or between two limits of which one may be infinite."""
    data = case("interval_censored_smokedfish")["data"]
    far = 50.0
    rows = {
        "left": np.array([-far if x is None else x for x in data["left"]]),
        "right": np.array([far if x is None else x for x in data["right"]]),
    }

    def density(params, row):
        normal = dist.Normal(params["mean"], params["sd"])
        exact = row["left"] == row["right"]
        share = normal.cdf(row["right"]) - normal.cdf(row["left"])
        return jnp.where(exact, normal.log_prob(row["left"]), jnp.log(jnp.where(exact, 1.0, share)))

    return _declare(density, rows, {"mean": np.array(-1.5), "sd": np.array(1.5)}, {"sd": POSITIVE})


def menarche() -> Declared:
    """A probit line on age; rows are ages and answers, weights the girls."""
    data = {n: np.array(x, float) for n, x in case("probit_menarche_latent_normal")["data"].items()}
    rows = {"age": np.tile(data["age"], 2), "yes": np.repeat([1.0, -1.0], len(data["age"]))}
    girls = np.concatenate([data["menarche"], data["total"] - data["menarche"]])

    def density(params, row):
        line = params["coef"] @ jnp.stack([jnp.ones(()), row["age"]])
        return norm.logcdf(row["yes"] * line)

    return _declare(density, rows, {"coef": np.array([-11.0, 0.85])}, {}, girls)


def newcomb(df: float | None) -> Declared:
    """Student's t; its degrees of freedom given, or not."""

    def density(params, y):
        return dist.StudentT(params.get("nu", df), params["m"], params["s"]).log_prob(y)

    init = {"m": np.array(27.0), "s": np.array(4.5)}
    if df is None:
        init |= {"nu": np.array(2.5)}
    data = np.array(case("t_location_scale_newcomb")["data"]["y"])
    return _declare(density, data, init, {"s": POSITIVE, "nu": POSITIVE})


def athletes() -> Declared:
    """Skew-normal body mass indices."""

    def density(params, y):
        u = (y - params["xi"]) / params["omega"]
        slant = norm.logcdf(params["alpha"] * u)
        return jnp.log(2.0) - jnp.log(params["omega"]) + norm.logpdf(u) + slant

    init = {"xi": np.array(20.2), "omega": np.array(4.0), "alpha": np.array(2.0)}
    data = np.array(case("skew_normal_ais_bmi")["data"]["y"])
    return _declare(density, data, init, {"omega": POSITIVE})


def absences() -> Declared:
    """Negative binomial counts of days, linear in the log mean."""
    data = case("negbin_quine_poisson_gamma")["data"]
    rows = {"x": np.array(data["X"]), "days": np.array(data["y"], int)}

    def density(params, row):
        mean = jnp.exp(params["coef"] @ row["x"])
        return dist.NegativeBinomial2(mean, params["theta"]).log_prob(row["days"])

    init = {"coef": np.array([2.8, 0, 0, 0, 0, 0, 0]), "theta": np.array(1.2)}
    return _declare(density, rows, init, {"theta": POSITIVE})


def vaccine() -> Declared:
    """Effects of 13 trials, each normal about a common mean with a variance of its own besides."""
    data = case("meta_bcg_normal_normal")["data"]
    rows = {"y": np.array(data["y"]), "v": np.array(data["v"])}

    def density(params, row):
        return norm.logpdf(row["y"], params["mu"], jnp.sqrt(params["tau2"] + row["v"]))

    init = {"mu": np.array(0.0), "tau2": np.array(1.0)}
    return _declare(density, rows, init, {"tau2": POSITIVE})
