"""Rows in blocks: the same fit, whatever fits into memory."""

import numpy as np
import pytest

import jaxem
from jaxem.estep import batch

from .problem import DATA, START, declare, steps


@pytest.mark.parametrize("kept", [2**26, 0], ids=["kept", "made again"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_fit_in_blocks_is_the_same_fit(monkeypatch, kept, weighted):
    """Four blocks of 64 rows, with the responsibilities kept between the steps, or not."""
    weights = np.random.default_rng(0).integers(0, 3, 150) * 1.0 if weighted else None
    whole = steps(8, weights=weights)
    monkeypatch.setattr(batch, "_ENTRIES", 1)
    monkeypatch.setattr(batch, "_PRODUCT_ENTRIES", 1)
    monkeypatch.setattr(batch, "_KEPT", kept)
    model = declare()
    assert "4 blocks of 64 rows" in str(jaxem.explain(model, DATA))
    cut = jaxem.fit(model, DATA, weights=weights, init=START, tolerance=0, max_steps=8)
    np.testing.assert_allclose(cut.trace, whole.trace, rtol=1e-12)
    np.testing.assert_allclose(cut.params["shape"]["loc"], whole.params["shape"]["loc"], rtol=1e-9)


def test_blocks_that_are_filled_up(monkeypatch):
    """131 rows in four blocks of 64: those that are missing are not there."""
    whole = jaxem.fit(declare(), DATA[:131], init=START, tolerance=0, max_steps=5)
    monkeypatch.setattr(batch, "_ENTRIES", 1)
    monkeypatch.setattr(batch, "_PRODUCT_ENTRIES", 1)
    cut = jaxem.fit(declare(), DATA[:131], init=START, tolerance=0, max_steps=5)
    np.testing.assert_allclose(cut.trace, whole.trace, rtol=1e-12)
    assert cut.rows == 131


def test_a_persons_update_sees_all_rows(monkeypatch):
    monkeypatch.setattr(batch, "_ENTRIES", 1)
    monkeypatch.setattr(batch, "_PRODUCT_ENTRIES", 1)

    def loc(params, data, responsibilities):
        return responsibilities.T @ data / responsibilities.sum(0)

    algorithm = jaxem.EM(m_step={"shape.loc": jaxem.ClosedForm(loc)})
    cut = jaxem.fit(declare(), DATA, init=START, tolerance=0, max_steps=5, algorithm=algorithm)
    np.testing.assert_allclose(cut.trace, steps(5).trace, rtol=1e-12)
