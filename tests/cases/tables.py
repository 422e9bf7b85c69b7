"""Cells and answers of which some are missing, or that depend on more than the class."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case

#: Points of the Gauss-Hermite rule that the published integrals were taken with.
_POINTS = 61


def partly_classified() -> Declared:
    """A table of 2 by 2 cells; of some only the row was seen, of others only the column.

    The latent is the cell; what was not seen is -1.
    """
    data = case("table_partially_classified_2x2")["data"]
    full = [(i, j, data["full"][i][j]) for i in range(2) for j in range(2)]
    rows = [(i, -1, data["row_only"][i]) for i in range(2)]
    columns = [(-1, j, data["col_only"][j]) for j in range(2)]
    every = np.array([*full, *rows, *columns])
    cell = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])

    def log_joint(params, z, seen):
        possible = jnp.all((seen == -1) | (seen == cell[z]))
        return jnp.log(params["theta"][z]) + jnp.where(possible, 0.0, -jnp.inf)

    prior = {"theta": jaxem.flat((4,), constraints.simplex)}
    model = jaxem.Model(log_joint, jaxem.Finite(4), prior)
    return Declared(model, every[:, :2].astype(int), every[:, 2], {"theta": np.full(4, 0.25)})


def balance() -> Declared:
    """Four items of a balance scale; the older a child, the likelier the class that knows."""
    data = case("lca_balance_age")["data"]
    rows = {"answers": np.array(data["Y"], int), "age": np.array(data["age"], float)}

    def log_joint(params, z, row):
        line = params["coef"] @ jnp.stack([jnp.ones(()), row["age"]])
        gate = jax.nn.log_sigmoid(jnp.where(z == 1, line, -line))
        return gate + dist.Bernoulli(params["right"][z]).log_prob(row["answers"]).sum()

    model = jaxem.Model(
        log_joint,
        jaxem.Finite(2),
        {"coef": jaxem.flat((2,)), "right": jaxem.flat((2, 4), constraints.unit_interval)},
    )
    init = {"coef": np.array([-5.0, 0.5]), "right": np.array([[0.1] * 4, [0.9] * 4])}
    return Declared(model, rows, None, init)


def law_school(slopes: tuple[int, ...] | None) -> Declared:
    """Five items of the LSAT and a normal ability, integrated at the points of a fixed rule.

    Args:
        slopes: Shape of the slopes: () for a common one, (5,) for one an item; None for one.
    """
    data = case("irt_lsat6_rasch_2pl")["data"]
    points, mass = np.polynomial.hermite_e.hermegauss(_POINTS)
    ability, log_mass = jnp.asarray(points), jnp.asarray(np.log(mass / mass.sum()))

    def log_joint(params, z, answers):
        logits = params["intercept"] + params.get("slope", 1.0) * ability[z]
        return log_mass[z] + dist.Bernoulli(logits=logits).log_prob(answers).sum()

    prior = {"intercept": jaxem.flat((5,))}
    init = {"intercept": np.array([2.7, 1.0, 0.2, 1.3, 2.1])}
    if slopes is not None:
        prior["slope"] = jaxem.flat(slopes)
        init["slope"] = np.full(slopes, 0.8)
    model = jaxem.Model(log_joint, jaxem.Finite(_POINTS), prior)
    return Declared(model, np.array(data["patterns"], int), np.array(data["counts"]), init)


def election(complete: bool) -> Declared:
    """Twelve ratings of candidates, of which many are missing: three classes of voters.

    Args:
        complete: Whether only respondents who answered everything are taken.
    """
    published = case("lca_election_missing")
    digits = [[int(c) for c in row] for row in published["data"]["Y_rows_as_digits"]]
    answers = np.array(digits) - 1
    if complete:
        answers = answers[np.all(answers >= 0, axis=1)]

    def log_joint(params, z, row):
        items = jnp.log(params["rating"][z, jnp.arange(12), jnp.maximum(row, 0)])
        return jnp.log(params["weights"][z]) + jnp.where(row >= 0, items, 0.0).sum()

    model = jaxem.Model(
        log_joint,
        jaxem.Finite(3),
        {
            "weights": jaxem.flat((3,), constraints.simplex),
            "rating": jaxem.flat((3, 12, 4), constraints.simplex),
        },
    )
    return Declared(model, answers)
