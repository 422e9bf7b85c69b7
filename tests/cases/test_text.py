"""Topics of titles and translations of words, step by step."""

import numpy as np
import pytest

from . import text
from .compare import assert_same
from .published import case


@pytest.fixture(scope="module")
def titles():
    return text.titles()


@pytest.fixture(scope="module")
def translations():
    return text.translations()


def test_the_trace_of_the_topics(titles):
    for row in case("plsa_deerwester")["reference"]["trace"]:
        fit = titles.after(row["iteration"])
        assert fit.log_likelihood == pytest.approx(row["loglik"], abs=1e-9)
        assert_same(fit.params, _topics(row), atol=1e-9)


def test_the_topics_at_convergence(titles):
    """Most of the answer is on the boundary: eight of nine titles have one topic."""
    reference = case("plsa_deerwester")["reference"]
    fit = titles.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-3)
    assert_same(fit.params, _topics(reference), atol=1e-3)


def test_the_topics_from_anywhere(titles):
    fit = titles.fit(init=None, restarts=30, key=0)
    best = max(case("plsa_deerwester")["reference"]["random_restart_logliks"])
    assert fit.log_likelihood >= best - 1e-3


def _topics(row):
    return {"mixture": np.array(row["Theta"]).T, "topic": np.array(row["W"]).T}


def test_the_trace_of_the_translations(translations):
    """Words that never share a sentence are exact zeros from the first step on."""
    for row in case("ibm1_koehn")["reference"]["trace"]:
        fit = translations.after(row["iteration"])
        assert fit.log_likelihood == pytest.approx(row["logp_eps1"], abs=1e-8)
        assert_same(fit.params, {"translation": _translations(row["t"])}, atol=1e-8)


def test_koehn_in_print(translations):
    printed = case("ibm1_koehn")["reference"]["published"]
    sources, targets = (["das", "buch", "ein", "haus"], ["the", "book", "a", "house"])
    lowered = [word.lower() for word in text.vocabulary()[0]]
    cells = {
        f"{target}_{source}": (lowered.index(source), text.vocabulary()[1].index(target))
        for source in sources
        for target in targets
    }
    for steps in range(4):
        table = np.asarray(translations.after(steps).params["translation"])
        for name, values in printed.items():
            assert table[cells[name]] == pytest.approx(values[steps], abs=6e-5)


def _translations(table):
    """Probabilities (source, target) from a dictionary of "target|source"."""
    sources, targets = text.vocabulary()
    return np.array([[table[f"{target}|{source}"] for target in targets] for source in sources])
