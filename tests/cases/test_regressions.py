"""Mixtures of regressions against flexmix, mixtools and direct maximisation."""

import numpy as np
import pytest

from . import regressions
from .compare import assert_same_up_to_labels
from .published import case


@pytest.mark.parametrize(
    ("name", "declare"),
    [
        ("mixreg_npreg_gaussian", regressions.quadratics),
        ("mixreg_co2_small_n", regressions.carbon),
    ],
)
def test_gaussian_regressions(name, declare):
    reference = case(name)["reference"]
    fit = declare().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    mle = reference["mle"]
    expected = {"weights": mle["pro"], "beta": mle["beta"], "scale": mle["sd"]}
    assert_same_up_to_labels(fit.params, expected, dict.fromkeys(expected, 0), rtol=1e-3)


def test_posterior_of_the_quadratics():
    declared = regressions.quadratics()
    reference = case("mixreg_npreg_gaussian")["reference"]
    responsibilities = np.asarray(declared.fit().responsibilities(declared.data))
    expected = np.array(reference["posterior_component0"])
    near = min(np.abs(responsibilities[:, k] - expected).max() for k in range(2))
    assert near < 1e-3


def test_patents():
    reference = case("mixglm_patent_concomitant")["reference"]["no_concomitant"]
    fit = regressions.patents().fit(restarts=20, key=0)
    assert fit.converged
    assert fit.log_likelihood >= reference["loglik"] - 1e-4
    mle = reference["mle"]
    expected = {"weights": mle["pro"], "beta": mle["beta"]}
    assert_same_up_to_labels(fit.params, expected, dict.fromkeys(expected, 0), rtol=1e-3)


@pytest.mark.long
def test_patents_with_gates():
    """Gates are compared as logits of all components, whose common level means nothing."""
    published = case("mixglm_patent_concomitant")["reference"]
    reference = published["concomitant"]
    fit = regressions.gated_patents().fit(restarts=20, key=0)
    assert fit.converged
    assert fit.log_likelihood >= reference["loglik"] - 1e-4
    assert fit.log_likelihood >= published["published"]["loglik"] - 1e-3
    mle = reference["mle"]
    expected = {"beta": np.array(mle["beta"]), "gate": _centred(mle["gate"])}
    fitted = {"beta": fit.params["beta"], "gate": _centred(fit.params["gate"])}
    assert_same_up_to_labels(fitted, expected, {"beta": 0, "gate": 0}, rtol=1e-3)


def _centred(gate) -> np.ndarray:
    """Logits (3, 2) of all components with mean zero, from those against the first, (2, 2)."""
    logits = np.concatenate([np.zeros((1, 2)), np.asarray(gate)])
    return logits - logits.mean(axis=0)
