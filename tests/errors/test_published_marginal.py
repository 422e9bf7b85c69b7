"""Published standard errors of likelihoods that have their hidden part summed out.

All are of the observed information. R's `glm` and `glm.nb` print those of the expected information
besides, which are others: 0.38702 for the intercept of the probit where the observed information
gives 0.38736, and 0.22842 for that of the absences where it gives 0.22793.
"""

import numpy as np
import pytest

from tests.cases import marginal, tables
from tests.cases.published import case


def parts(*sizes):
    """Published numbers in a row, taken apart."""
    return lambda se: np.split(np.asarray(se), np.cumsum(sizes)[:-1])


#: Case -> declaration, file, keys of its reference, names of the parameters, their sizes
CASES = {
    "cells": (tables.partly_classified, "table_partially_classified_2x2", (), ("theta",), (4,)),
}

SLOW = {
    "baseball": (marginal.baseball, "bradley_terry_baseball", (), ("strength",), (6,)),
    "survival": (
        marginal.ovarian_weibull,
        "censored_exponential_weibull_ovarian",
        ("weibull",),
        ("coef", "log_scale"),
        (2, 1),
    ),
    "smoked fish": (
        marginal.smoked_fish,
        "interval_censored_smokedfish",
        (),
        ("mean", "sd"),
        (1, 1),
    ),
    "menarche": (marginal.menarche, "probit_menarche_latent_normal", (), ("coef",), (2,)),
    "light, t5": (
        lambda: marginal.newcomb(5.0),
        "t_location_scale_newcomb",
        ("df5",),
        ("m", "s"),
        (1, 1),
    ),
    "light": (
        lambda: marginal.newcomb(None),
        "t_location_scale_newcomb",
        ("free_df",),
        ("m", "s", "nu"),
        (1, 1, 1),
    ),
    "athletes": (
        marginal.athletes,
        "skew_normal_ais_bmi",
        (),
        ("xi", "omega", "alpha"),
        (1, 1, 1),
    ),
    "absences": (
        marginal.absences,
        "negbin_quine_poisson_gamma",
        (),
        ("coef", "theta"),
        (7, 1),
    ),
    "vaccine": (marginal.vaccine, "meta_bcg_normal_normal", (), ("mu", "tau2"), (1, 1)),
    "balance": (tables.balance, "lca_balance_age", (), ("coef", "right"), (2, 8)),
    "LSAT, Rasch": (
        lambda: tables.law_school(None),
        "irt_lsat6_rasch_2pl",
        ("rasch_a1",),
        ("intercept",),
        (5,),
    ),
    "LSAT, one slope": (
        lambda: tables.law_school(()),
        "irt_lsat6_rasch_2pl",
        ("one_pl",),
        ("intercept", "slope"),
        (5, 1),
    ),
    "LSAT": (
        lambda: tables.law_school((5,)),
        "irt_lsat6_rasch_2pl",
        ("two_pl",),
        ("intercept", "slope"),
        (5, 5),
    ),
}

EVERY = [*CASES, *(pytest.param(name, marks=pytest.mark.long) for name in SLOW)]


@pytest.mark.parametrize("name", EVERY)
def test_published_standard_errors(name):
    declare, file, keys, names, sizes = {**CASES, **SLOW}[name]
    declared = declare()
    fit = declared.fit(finish="newton")
    published = case(file)["reference"]
    for key in keys:
        published = published[key]
    errors = fit.errors(declared.data, weights=declared.weights)
    known = np.ravel(published["se"])
    for entry, expected in zip(names, parts(*sizes)(known), strict=True):
        np.testing.assert_allclose(np.ravel(errors.se[entry]), expected, rtol=1e-3, err_msg=entry)


@pytest.mark.long
def test_survival_of_constant_hazard():
    """One over the root of the number of deaths."""
    declared = marginal.ovarian_exponential()
    errors = declared.fit().errors(declared.data)
    published = case("censored_exponential_weibull_ovarian")["reference"]["exponential"]
    np.testing.assert_allclose(errors.se["log_mean"], published["se_log"], rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("complete", [True, False], ids=["complete rows", "all rows"])
def test_elections_by_scores_as_polca_has_them(complete):
    declared = tables.election(complete)
    fit = declared.fit(restarts=10)
    reference = case("lca_election_missing")["reference"]
    published = reference["complete_rows" if complete else "all_rows"]["poLCA"]
    np.testing.assert_allclose(fit.log_likelihood, published["llik"], atol=1e-3)
    errors = fit.errors(declared.data, kind="outer")
    order, theirs = (np.argsort(p) for p in (fit.params["weights"], published["P"]))
    np.testing.assert_allclose(
        errors.se["weights"][order], np.array(published["P_se"])[theirs], rtol=1e-2
    )
    for k, se in enumerate(published["probs_se"].values()):
        known, found = np.array(se)[theirs], errors.se["rating"][order, k]
        told = (known > 1e-3) & np.isfinite(found)
        assert told.mean() > 0.9
        np.testing.assert_allclose(found[told], known[told], rtol=1e-2)
