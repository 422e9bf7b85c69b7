"""scikit-learn's iterates of four covariance structures, and the optimum without its ridge."""

import pytest

import jaxem

from . import wine
from .compare import assert_same
from .published import case

DECLARED = {structure: wine.wine(structure) for structure in wine.STRUCTURES}


def iterate(structure, steps):
    return case("gmm_wine_sklearn_iterations")["reference"][structure][str(steps)]


def named(row):
    return {"weights": row["weights"], "loc": row["means"], "cov": row["covariances"]}


@pytest.mark.parametrize("structure", wine.STRUCTURES)
def test_iterates_with_the_ridge(structure):
    algorithm = jaxem.EM(m_step=jaxem.ClosedForm(wine.ridged_update(structure)))
    for steps in (1, 2, 5, 20):
        row = iterate(structure, steps)
        fit = DECLARED[structure].after(steps, algorithm=algorithm)
        assert_same(fit.params, named(row), atol=1e-7)
        assert fit.log_likelihood == pytest.approx(row["loglik_after"], abs=1e-6)


@pytest.mark.parametrize("structure", wine.STRUCTURES)
def test_the_derived_step_is_the_first_iterate_without_its_ridge(structure):
    params = dict(DECLARED[structure].after(1).params)
    params["cov"] = wine.add_ridge(structure, params["cov"])
    assert_same(params, named(iterate(structure, 1)), atol=1e-10)


@pytest.mark.parametrize("structure", wine.STRUCTURES)
def test_the_optimum_without_a_ridge(structure):
    """Dropping the ridge moves the parameters a little, and the likelihood upwards."""
    row = iterate(structure, 2000)
    fit = DECLARED[structure].fit(tolerance=1e-12)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(row["loglik_after"], abs=1e-4)
    assert fit.log_likelihood >= row["loglik_after"]
    assert_same(fit.params, named(row), atol=1e-3)
