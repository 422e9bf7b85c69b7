"""The page that says how a model will be fitted."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

DATA = {"x": np.random.default_rng(0).gamma(2.0, 1.0, 90), "kind": np.arange(90) % 3}


@pytest.fixture(scope="module")
def explanation():
    model = jaxem.Model(
        lambda params, z, row: (
            jnp.log(params["weights"][z])
            + dist.Gamma(params["wait"]["shape"][z], params["wait"]["rate"]).log_prob(row["x"])
            + jnp.log(params["kind"][z, row["kind"]])
        ),
        jaxem.Finite(2),
        {
            "weights": dist.Dirichlet(jnp.full(2, 2.0)),
            "wait": {"shape": jaxem.flat((2,), constraints.positive), "rate": dist.Delta(1.0)},
            "kind": jaxem.flat((2, 3), constraints.simplex),
        },
    )
    return jaxem.explain(model, DATA, restarts=64)


def test_one_line_a_parameter(explanation):
    lines = {line.name: line for line in explanation.lines}
    assert list(lines) == ["weights", "wait.shape", "wait.rate", "kind"]
    assert lines["weights"].prior == "Dirichlet" and lines["kind"].prior == "flat"
    assert lines["wait.shape"].support == "positive" and lines["kind"].support == "simplex"
    assert lines["wait.rate"].solved == "fixed" and lines["kind"].shape == (2, 3)
    assert lines["weights"].exact and lines["kind"].exact and not lines["wait.shape"].exact
    assert lines["wait.shape"].reason == "no closed form was proved"


def test_the_page_can_be_printed(explanation):
    page = str(explanation)
    assert page == repr(explanation)
    rows = page.splitlines()
    assert rows[0] == "Finite(2), 90 rows, 2 latent states"
    (header,) = [row for row in rows if row.startswith("parameter")]
    for name in ("weights", "wait.shape", "wait.rate", "kind"):
        (row,) = [r for r in rows if r.startswith(f"{name} ")]
        assert row.index("  ") and len(row) > header.index("M-step")
    assert "Newton, safeguarded, elementwise" in page and "no closed form was proved" in page
    assert f"sweep: {explanation.order}; {explanation.verdict}" in page
    assert "Newton" in explanation.verdict and not explanation.exact


def test_memory_and_arithmetic_of_a_step(explanation):
    work = " ".join(explanation.data)
    assert "90 rows" in work and "MB" in work
    assert "rank 4" in work and "two matrix products" in work


def test_explaining_fits_nothing_and_changes_nothing():
    model = jaxem.Model(
        lambda params, z, x: jnp.log(0.5) + dist.Normal(params["loc"][z], 1.75).log_prob(x),
        jaxem.Finite(2),
        {"loc": jaxem.flat((2,))},
    )
    explanation = jaxem.explain(model, np.arange(9.0))
    assert explanation.exact and explanation.order == "loc"
    assert explanation.verdict == "one sweep is the exact M-step"
    (known,) = model.known.values()
    assert not next(iter(known.plans.values())).programs


def test_a_broken_declaration_is_explained_here_too():
    model = jaxem.Model(
        lambda params, z, x: params["loc"][0] * x, jaxem.Finite(2), {"loc": jaxem.flat((2,))}
    )
    with pytest.raises(jaxem.DeclarationError, match="ignores z"):
        jaxem.explain(model, np.arange(9.0))
