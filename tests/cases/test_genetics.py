"""Gene counting: traces of the textbooks, step by step, and their optima."""

import numpy as np
import pytest

from . import genetics
from .published import case

TRACES = {
    "linkage_dlr1977": (genetics.linkage, "t"),
    "abo_clarke1959": (genetics.abo, "alleles"),
    "haplotype_two_locus_MNSs": (genetics.haplotypes, "haplotypes"),
    "truncated_binomial_albinism": (genetics.albinism, "p"),
}

DECLARED = {name: declare() for name, (declare, _) in TRACES.items()}


@pytest.mark.parametrize("name", TRACES)
def test_every_step_of_the_trace(name):
    published, parameter = case(name), TRACES[name][1]
    trace = published["reference"]["em_trace"]
    steps = [DECLARED[name].after(i).params[parameter] for i in range(len(trace))]
    np.testing.assert_allclose(steps, trace, rtol=0, atol=published["tolerance"]["trace_abs"])


@pytest.mark.parametrize(
    ("name", "answer", "log_likelihood"),
    [
        ("linkage_dlr1977", "mle", lambda r: r["loglik"] - 197 * np.log(4)),
        ("abo_clarke1959", "mle", lambda r: r["loglik_no_multinomial_const"]),
        ("haplotype_two_locus_MNSs", "p", lambda r: r["haplo_em"]["lnlike"]),
        ("truncated_binomial_albinism", "p", lambda r: r["loglik"]),
    ],
)
def test_the_optimum(name, answer, log_likelihood):
    published, parameter = case(name), TRACES[name][1]
    fit = DECLARED[name].fit(tolerance=1e-12)
    assert fit.converged
    np.testing.assert_allclose(
        fit.params[parameter],
        published["reference"][answer],
        rtol=0,
        atol=published["tolerance"]["param_abs"],
    )
    assert fit.log_likelihood == pytest.approx(log_likelihood(published["reference"]), abs=1e-7)


def test_dempster_laird_and_rubin_in_print():
    printed = case("linkage_dlr1977")["reference"]["published"]["trace_DLR"]
    steps = [DECLARED["linkage_dlr1977"].after(i).params["t"] for i in range(len(printed))]
    np.testing.assert_allclose(steps, printed, rtol=0, atol=2e-9)


def test_albinism_without_the_families_never_seen():
    published = case("truncated_binomial_albinism")
    fit = genetics.albinism_observed().fit(tolerance=1e-12)
    assert fit.converged
    assert fit.params["p"] == pytest.approx(published["reference"]["p"], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(published["reference"]["loglik"], abs=1e-7)
