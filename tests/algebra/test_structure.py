"""What a plan finds beyond single forms: blocks, order, cycles, impostors, and what is fixed."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

_rng = np.random.default_rng(0)
LINE = np.concatenate([_rng.normal(0.0, 1.0, 30), _rng.normal(4.0, 1.5, 30)])
DESIGN = np.column_stack([np.ones(60), _rng.normal(size=(60, 2))])
weights = jaxem.flat((2,), constraints.simplex)


def explain(log_density, data=LINE, **prior):
    def log_joint(params, z, x):
        return jnp.log(params["weights"][z]) + log_density(params, z, x)

    model = jaxem.Model(log_joint, jaxem.Finite(2), {"weights": weights, **prior})
    explanation = jaxem.explain(model, data)
    return explanation, {line.name: line for line in explanation.lines}


def positive(*shape):
    return jaxem.flat(shape, constraints.positive)


def test_location_before_scale_is_found():
    """Declared the other way round: the scale's answer needs the location's, not conversely."""
    explanation, _ = explain(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x),
        scale=positive(2),
        loc=jaxem.flat((2,)),
    )
    assert explanation.exact
    order = explanation.order.split(" -> ")
    assert order.index("loc") < order.index("scale")


def test_a_fixed_parameter_is_not_solved():
    explanation, lines = explain(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"]).log_prob(x),
        loc=jaxem.flat((2,)),
        scale=dist.Delta(1.5),
    )
    assert lines["scale"].solved == lines["scale"].prior == "fixed"
    assert "scale" not in explanation.order


def test_a_parameter_shared_by_all_states_is_closed():
    """Two Gaussians of one scale; and a chance that one state has and the other lacks."""
    _, lines = explain(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"]).log_prob(x),
        loc=jaxem.flat((2,)),
        scale=positive(),
    )
    assert lines["scale"].solved == "closed form: weighted mean of a statistic (m = t^-2)"
    _, lines = explain(
        lambda p, z, x: dist.Binomial(9, jnp.where(z == 0, p["t"], 1 - p["t"])).log_prob(x),
        np.arange(60) % 10,
        t=dist.Beta(2.0, 3.0),
    )
    assert lines["t"].solved == "closed form: weighted proportion"


def test_intercept_and_slopes_in_two_parameters_are_joined():
    """Each is a least-squares problem given the other; together they are one."""
    explanation, lines = explain(
        lambda p, z, row: dist.Normal(row["u"] @ p["slopes"][z] + p["start"][z], 1.0).log_prob(
            row["y"]
        ),
        {"u": DESIGN[:, 1:], "y": LINE},
        slopes=jaxem.flat((2, 2)),
        start=jaxem.flat((2,)),
    )
    assert explanation.exact
    assert "slopes+start" in explanation.order
    for name, other in (("slopes", "start"), ("start", "slopes")):
        assert (
            lines[name].solved
            == f"closed form: weighted least squares, in blocks of 3, jointly with {other}"
        )
        assert lines[name].exact


def test_blocks_are_found_on_any_axis():
    """Coefficients with the states last: a block a column."""
    _, lines = explain(
        lambda p, z, row: dist.Normal(row["u"] @ p["slopes"][:, z], 1.0).log_prob(row["y"]),
        {"u": DESIGN, "y": LINE},
        slopes=jaxem.flat((3, 2)),
    )
    assert lines["slopes"].solved == "closed form: weighted least squares, in blocks of 3"


def test_a_student_of_a_million_degrees_is_no_gaussian():
    _, lines = explain(
        lambda p, z, x: dist.StudentT(1e6, p["loc"][z], p["scale"][z]).log_prob(x),
        loc=jaxem.flat((2,)),
        scale=positive(2),
    )
    assert not lines["loc"].exact and not lines["scale"].exact
    assert "no closed form" in lines["loc"].reason


@pytest.mark.parametrize(
    ("prior", "exact"),
    [
        (dist.Normal(1.0, 2.0).expand([2]), True),
        (dist.Laplace(1.0, 2.0).expand([2]), False),
        (dist.Cauchy(1.0, 2.0).expand([2]), False),
        (dist.Logistic(1.0, 2.0).expand([2]), False),
    ],
)
def test_a_prior_keeps_a_form_only_if_it_is_conjugate(prior, exact):
    _, lines = explain(lambda p, z, x: dist.Normal(p["loc"][z], 1.0).log_prob(x), loc=prior)
    assert lines["loc"].solved.startswith("closed form") == exact
    assert lines["loc"].prior == type(prior.base_dist).__name__


def test_too_large_a_block_is_climbed():
    """An additive table that couples a hundred numbers."""
    rng = np.random.default_rng(1)
    data = {"u": rng.normal(size=(60, 70)), "y": LINE}
    explanation, lines = explain(
        lambda p, z, row: dist.StudentT(4.0, row["u"] @ p["slopes"] + 4.0 * z, 1.0).log_prob(
            row["y"]
        ),
        data,
        slopes=jaxem.flat((70,)),
    )
    assert lines["slopes"].solved.startswith("gradient ascent (L-BFGS)")
    assert "70 numbers" in lines["slopes"].reason
    assert not explanation.exact


def test_collinear_columns_leave_nothing_undefined():
    """Twice the same column: the fit is that of one, and says what it can."""
    model = jaxem.Model(
        lambda p, z, row: (
            jnp.log(p["weights"][z])
            + dist.Normal(row["u"] @ p["slopes"][z], 1.0).log_prob(row["y"])
        ),
        jaxem.Finite(2),
        {"weights": weights, "slopes": jaxem.flat((2, 3))},
    )
    twice = DESIGN[:, [0, 1, 1]]
    start = {
        "weights": np.array([0.5, 0.5]),
        "slopes": np.array([[0.0, 0.1, 0.1], [4.0, -0.1, -0.1]]),
    }
    fit = jaxem.fit(model, {"u": twice, "y": LINE}, init=start)
    assert fit.converged
    np.testing.assert_allclose(fit.params["slopes"][:, 1], fit.params["slopes"][:, 2], atol=1e-6)
