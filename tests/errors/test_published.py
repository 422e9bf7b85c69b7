"""Standard errors that others published, in the parameters of the declared cases."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.cases import acidity, chains, classes, counts, fitted, genetics, lifetimes, regressions
from tests.cases.published import case


def reference(name, *keys):
    found = case(name)["reference"]
    for key in keys:
        found = found[key]
    return found["se"]


def of_faithful(se):
    known = reference("gmm_faithful_full2")
    matrix = np.array(known["Sigma_tril"])[:, [0, 1, 1, 2]].reshape(2, 2, 2)
    return {"weights": known["pro"], "loc": known["mean"], "cov": matrix}


def of_notices(se):
    weight, *rates = se
    return {"weights": [weight, weight], "rate": rates}


def of_articles(se):
    return {"count": se[:6], "zero": se[6:]}


def of_payoff(se):
    names = ("intercept", "slope", "loc", "log_scale")
    return dict(zip(names, np.reshape(se, (4, 2)), strict=True))


def of_speed(se):
    weights, loc, scale, correct = np.reshape(se, (4, 2))
    return {"weights": weights, "loc": loc, "scale": scale, "correct": correct}


def of_gnp(se):
    transition, mean, variance, ar = np.split(np.array(se), [2, 4, 5])
    return {"to_recession": transition, "mean": mean, "variance": variance[0], "ar": ar}


def of_lakes(components, scales):
    def arranged(se):
        weights, loc, scale = np.split(np.array(se), [components, 2 * components])
        assert len(scale) == scales
        return {"weights": weights, "loc": loc, "scale": scale if scales > 1 else scale[0]}

    return arranged


def of_lines(features):
    def arranged(se):
        weights, beta, scale = np.split(np.array(se), [2, 2 + 2 * features])
        return {"weights": weights, "beta": beta.reshape(2, features), "scale": scale}

    return arranged


def of_geyser(se):
    return dict(zip(("weights", "shape", "scale"), np.reshape(se, (3, 2)), strict=True))


def of_gated_patents(se):
    """The gate's logits are against the first component, whose name the start gives."""
    return {"gate": np.reshape(se[:4], (2, 2)), "beta": np.reshape(se[4:], (3, 2))}


def gated_patents():
    declared = regressions.gated_patents()
    mle = case("mixglm_patent_concomitant")["reference"]["concomitant"]["mle"]
    start = {name: 1.02 * np.array(mle[name]) for name in ("gate", "beta")}
    return declared, declared.fit(init=start)


def with_log_scale(params):
    return {**params, "log_scale": jnp.log(params["scale"])}


def fit_of(declare):
    """Declare a case and fit it from its own start, or from a few."""

    def fitted():
        declared = declare()
        return declared, declared.fit(restarts=1 if declared.init is not None else 4)

    return fitted


CASES = {
    "coins": (fit_of(counts.coins), "coin_do_batzoglou_fixed", ("mle",), lambda se: {"heads": se}),
    "blood groups": (fit_of(genetics.abo), "abo_clarke1959", (), lambda se: {"alleles": se}),
    "Old Faithful": (fitted.old_faithful, "gmm_faithful_full2", (), of_faithful),
    "pay-off": (fitted.speed_with_payoff, "hmm_speed_rt_tv_transition", (), of_payoff),
}

SLOW = {
    "articles": (fit_of(counts.articles_regression), "zip_biochemists", ("full",), of_articles),
    "haplotypes": (
        fit_of(genetics.haplotypes),
        "haplotype_two_locus_MNSs",
        (),
        lambda se: {"haplotypes": se},
    ),
    "albinism": (
        fit_of(genetics.albinism),
        "truncated_binomial_albinism",
        (),
        lambda se: {"p": se},
    ),
    "notices": (fit_of(counts.death_notices), "poisson_mix_death_notices", (), of_notices),
    "speed": (fit_of(classes.speed), "mixture_speed_rt_corr_mixed", (), of_speed),
    "GNP": (fit_of(chains.gnp), "markov_switching_hamilton_gnp", (), of_gnp),
    "lakes, one scale": (
        fit_of(acidity.common_scale),
        "gmm1d_acidity",
        ("fits", 0),
        of_lakes(2, 1),
    ),
    "lakes, 2": (
        fit_of(lambda: acidity.own_scales(2)),
        "gmm1d_acidity",
        ("fits", 1),
        of_lakes(2, 2),
    ),
    "lakes, 3": (
        fit_of(lambda: acidity.own_scales(3)),
        "gmm1d_acidity",
        ("fits", 2),
        of_lakes(3, 3),
    ),
    "curves": (fit_of(regressions.quadratics), "mixreg_npreg_gaussian", (), of_lines(3)),
    "carbon": (fit_of(regressions.carbon), "mixreg_co2_small_n", (), of_lines(2)),
    "geyser": (
        fit_of(lifetimes.geyser_waiting),
        "weibull_mixture_geyser_waiting",
        (),
        of_geyser,
    ),
    "patents": (gated_patents, "mixglm_patent_concomitant", ("concomitant",), of_gated_patents),
}

EVERY = [*CASES, *(pytest.param(name, marks=pytest.mark.long) for name in SLOW)]


@pytest.mark.parametrize("name", EVERY)
def test_published_standard_errors(name):
    declare, file, keys, arrange = {**CASES, **SLOW}[name]
    declared, fit = declare()
    given = {"weights": declared.weights}
    if getattr(declared, "lengths", None) is not None:
        given["lengths"] = declared.lengths
    expected = arrange(reference(file, *keys))
    quantity = with_log_scale if "log_scale" in expected else None
    errors = fit.errors(declared.data, of=quantity, **given)
    for entry, known in expected.items():
        found, known = np.atleast_1d(errors.se[entry]), np.atleast_1d(known)
        # Components carry no names: their order is that of the fit.
        np.testing.assert_allclose(np.sort(found, 0), np.sort(known, 0), rtol=1e-3, err_msg=entry)


@pytest.mark.long
def test_articles_without_covariates_on_the_scales_of_pscl():
    """Log of the rate, logit of a certain zero."""
    published = case("zip_biochemists")["reference"]["intercept_only"]["pscl"]
    declared = counts.articles_intercept()

    def links(params):
        zero = params["zero"]
        return {"count": jnp.log(params["rate"]), "zero": jnp.log(zero) - jnp.log1p(-zero)}

    se = declared.fit().errors(declared.data, of=links).se
    np.testing.assert_allclose([se["count"], se["zero"]], published["se"], rtol=1e-3)


def test_linkage_has_its_information_and_its_rate():
    published = case("linkage_dlr1977")["reference"]
    declared = genetics.linkage()
    errors = declared.fit().errors(declared.data, weights=declared.weights)
    observed = 1 / errors.se["t"] ** 2
    complete = observed / (1 - errors.missing["t"])
    np.testing.assert_allclose(errors.se["t"], published["se"], rtol=1e-6)
    np.testing.assert_allclose(observed, published["observed_information"], rtol=1e-6)
    np.testing.assert_allclose(complete, published["complete_information"], rtol=1e-6)
    np.testing.assert_allclose(errors.rate, published["em_rate"], rtol=1e-6)
    assert complete - observed == pytest.approx(57.8, abs=0.05)


def two_classes():
    declared = classes.carcinoma(2)
    return declared, declared.fit(restarts=4)


@pytest.mark.parametrize(
    ("count", "make"),
    [("3", fitted.carcinoma), pytest.param("2", two_classes, marks=pytest.mark.long)],
)
def test_latent_classes_by_scores_as_polca_has_them(count, make):
    published = case("lca_carcinoma")["reference"]["by_K"][count]["poLCA"]
    declared, fit = make()
    errors = fit.errors(declared.data, kind="outer")
    order, theirs = (np.argsort(p) for p in (fit.params["weights"], published["P"]))
    np.testing.assert_allclose(
        errors.se["weights"][order], np.array(published["P_se"])[theirs], rtol=1e-3
    )
    for k, pathologist in enumerate("ABCDEFG"):
        known = np.array(published["probs_se"][pathologist])[theirs]
        found = errors.se["verdict"][order, k]
        np.testing.assert_allclose(found[known > 1e-6], known[known > 1e-6], rtol=1e-3)
        assert np.isnan(found[known < 1e-6]).all()
    assert len(errors.boundary) == sum(
        int((np.array(se)[:, 0] < 1e-6).sum()) for se in published["probs_se"].values()
    )
