"""Information criteria against published ones, against formulas by hand, and in tables."""

import dataclasses
import itertools
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.likelihood.chart import free_numbers
from tests.cases import fitted
from tests.cases.published import case

ROWS = np.random.default_rng(0).normal(size=(90, 1))
ROWS[:40] += 4


def family(size):
    return jaxem.zoo.gaussian_mixture(size, 1, "tied")


@pytest.fixture(scope="module")
def selection():
    race = jaxem.Race(6, keep=2, after=3)
    return jaxem.select(family, range(1, 4), ROWS, restarts=race, folds=3)


def test_old_faithful_as_mclust_and_scikit_learn_have_it():
    declared, fit = fitted.old_faithful()
    found = jaxem.criteria(fit, declared.data)
    published = case("gmm_faithful_full2")["reference"]
    assert found.parameters == published["mclust"]["df"] == 11
    assert found.bic == pytest.approx(-published["mclust"]["bic_mclust"], abs=1e-6)
    assert found.aic == pytest.approx(published["AIC"], abs=1e-6)
    assert (found.n, found.counted) == (272, "rows")


def test_carcinoma_as_polca_has_it():
    declared, fit = fitted.carcinoma()
    found = jaxem.criteria(fit, declared.data)
    published = case("lca_carcinoma")["reference"]["by_K"]["3"]["poLCA"]
    assert found.parameters == published["npar"] == 23
    assert found.aic == pytest.approx(published["aic"], abs=1e-6)
    assert found.bic == pytest.approx(published["bic"], abs=1e-6)


@pytest.mark.long
def test_a_chain_counts_its_steps_as_depmixs4_does():
    declared, fit = fitted.speed_with_payoff()
    found = jaxem.criteria(fit, declared.data, lengths=declared.lengths)
    published = case("hmm_speed_rt_tv_transition")["reference"]["depmixS4"]["bic"]
    assert found.bic == pytest.approx(published, abs=1e-3)
    assert (found.n, found.counted) == (439, "steps of 3 sequences")
    by_sequences = jaxem.criteria(fit, declared.data, lengths=declared.lengths, n=3)
    assert by_sequences.bic < found.bic and by_sequences.counted == "given"


def test_entropy_of_paths_is_that_of_enumeration():
    def log_joint(params, z_prev, z, x):
        stay = params["stay"]
        chance = 0.5 if z_prev is None else jnp.where(z_prev == z, stay, 1 - stay)
        return jnp.log(chance) - (x - params["loc"][z]) ** 2 / 2

    prior = {"stay": jaxem.flat((), constraints.unit_interval), "loc": jaxem.flat((2,))}
    model = jaxem.Model(log_joint, jaxem.Chain(2), prior)
    data = np.array([[0.1, 1.2, 0.9, -0.3], [1.0, 1.4, -0.2, 0.0]])
    fit = jaxem.fit(model, data, init={"stay": 0.7, "loc": [0.0, 1.0]}, max_steps=3)
    stay, loc = float(fit.params["stay"]), np.asarray(fit.params["loc"])
    entropy, top = 0.0, 0.0
    for row in data:
        logs = []
        for path in itertools.product(range(2), repeat=4):
            value = np.log(0.5) + sum(
                -((x - loc[z]) ** 2) / 2 for x, z in zip(row, path, strict=True)
            )
            steps = itertools.pairwise(path)
            logs.append(value + sum(np.log(stay if a == b else 1 - stay) for a, b in steps))
        p = np.exp(logs - np.logaddexp.reduce(logs))
        entropy -= p @ np.log(p)
        top += np.log(p.max())
    found = jaxem.criteria(fit, data)
    assert found.entropy == pytest.approx(entropy, rel=1e-9)
    assert found.icl - found.bic == pytest.approx(-2 * top, rel=1e-9)
    assert found.certainty == pytest.approx(1 - entropy / (8 * np.log(2)))


def test_every_criterion_by_hand(selection):
    fit, found = selection.fits[2], selection.criteria[2]
    r = np.asarray(fit.responsibilities(ROWS))
    log_r = np.log(np.where(r > 0, r, 1.0))
    deviance, d, n = -2 * fit.log_likelihood, 4, 90
    entropy = -(r * log_r).sum()
    assert found.parameters == d
    assert found.aic == pytest.approx(deviance + 2 * d)
    assert found.bic == pytest.approx(deviance + d * np.log(n))
    assert found.caic == pytest.approx(deviance + d * (np.log(n) + 1))
    assert found.sabic == pytest.approx(deviance + d * np.log((n + 2) / 24))
    assert found.entropy == pytest.approx(entropy)
    assert found.icl == pytest.approx(found.bic - 2 * np.log(r.max(1)).sum())
    assert found.icl_entropy == pytest.approx(found.bic + 2 * entropy)
    assert found.certainty == pytest.approx(1 - entropy / (n * np.log(2)))


def test_free_parameters_of_tied_covariances():
    assert free_numbers(jaxem.zoo.gaussian_mixture(3, 2, "tied"), {}) == 11
    assert free_numbers(jaxem.zoo.gaussian_mixture(2, 2, "full"), {}) == 11


def test_weights_count(selection):
    weights = np.full(90, 2.0)
    fit = jaxem.fit(family(1), ROWS, weights=weights)
    found = jaxem.criteria(fit, ROWS, weights=weights)
    assert (found.n, found.counted) == (180, "sum of row weights")
    assert found.log_likelihood == pytest.approx(2 * selection.fits[1].log_likelihood)


def test_select_finds_two_groups_by_every_means(selection):
    assert selection.best == 2 and selection.fit is selection.fits[2]
    held_out = {k: h.log_likelihood for k, h in selection.held_out.items()}
    assert held_out[2] > held_out[1]
    assert selection.fits[3].restarts.status.count(jaxem.Status.DROPPED) == 4
    lines = str(selection).splitlines()
    assert lines[-1] == "by bic: 2" and "held out" in lines[0]


def test_select_draws_a_picture(selection):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    ax = selection.plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["AIC", "BIC", "adjusted BIC", "ICL", "held out"]
    pyplot.close(ax.figure)


def test_compare_marks_the_lowest(selection):
    found = jaxem.compare({"one": selection.fits[1], "two": selection.fits[2]}, ROWS)
    assert found.best() == found.best("icl") == "two"
    assert "*" in str(found).splitlines()[2] and "*" not in str(found).splitlines()[1]
    assert jaxem.compare([selection.fits[1]], ROWS).best() == "0"


def test_a_fold_is_a_fit_to_the_other_rows(selection):
    """A single Gaussian has its fits in closed form."""
    label = np.arange(90) % 3
    found = jaxem.cross_validate(family(1), ROWS, folds=label, restarts=1)
    for k in range(3):
        seen, held = ROWS[label != k], ROWS[label == k]
        m, v = seen.mean(), seen.var()
        expected = (-0.5 * (np.log(2 * np.pi * v) + (held - m) ** 2 / v)).sum()
        assert found.per_fold[k] == pytest.approx(expected, rel=1e-8)
    assert found.log_likelihood == pytest.approx(found.per_fold.sum())
    assert found.weight.tolist() == [30, 30, 30]


def test_what_was_finished_before_an_interruption_is_kept(selection, monkeypatch):
    ends = dict(selection.fits)
    ends[2] = dataclasses.replace(ends[2], status=jaxem.Status.INTERRUPTED)

    def known(model, *_, **__):
        return ends[model.latent.size]

    monkeypatch.setattr(sys.modules["jaxem.selection.select"], "fit", known)
    assert list(jaxem.select(family, [1, 2, 3], ROWS).fits) == [1]
    with pytest.raises(KeyboardInterrupt):
        jaxem.select(family, [2], ROWS)


def test_mistakes_are_told(selection):
    fit = selection.fits[2]
    with pytest.raises(jaxem.DeclarationError, match="the fit reports"):
        jaxem.criteria(fit, ROWS + 1)
    with pytest.raises(jaxem.DeclarationError, match="expected one of 'aic'"):
        jaxem.select(family, [1], ROWS, criterion="dic")
    with pytest.raises(jaxem.DeclarationError, match="needs folds"):
        jaxem.select(family, [1], ROWS, criterion="held_out")
    with pytest.raises(jaxem.DeclarationError, match="no members"):
        jaxem.select(family, [], ROWS)
    with pytest.raises(jaxem.DeclarationError, match="between 2 and 90"):
        jaxem.cross_validate(family(1), ROWS, folds=1)
    with pytest.raises(jaxem.DeclarationError, match="several fits"):
        jaxem.compare(fit, ROWS)
    with pytest.raises(jaxem.DeclarationError, match="not how to draw them"):
        jaxem.likelihood_ratio_test(selection.fits[1], fit, ROWS)
