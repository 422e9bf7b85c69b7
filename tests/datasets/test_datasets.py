"""The tables that ship with the package: shapes, sums, types, and no JAX on the way."""

import subprocess
import sys

import numpy as np
import pytest

from jaxem import datasets
from tests.cases.published import case


def test_old_faithful():
    table = datasets.old_faithful()
    assert table.matrix.shape == (272, 2)
    np.testing.assert_allclose(table.matrix.mean(axis=0), [3.48778308823529, 70.8970588235294])
    assert table.eruptions.dtype == np.float64
    assert table.waiting.dtype == np.int64


def test_two_coins():
    table = datasets.two_coins()
    np.testing.assert_array_equal(table.heads, [5, 9, 8, 4, 7])
    np.testing.assert_array_equal(table.tosses, [10] * 5)


def test_death_notices():
    table = datasets.death_notices()
    np.testing.assert_array_equal(table.value, np.arange(10))
    assert table.frequency.sum() == 1096


def test_carcinoma():
    ratings = datasets.carcinoma().ratings
    assert ratings.shape == (118, 7)
    assert set(np.unique(ratings)) == {0, 1}
    np.testing.assert_array_equal(ratings.sum(axis=0), [66, 79, 45, 32, 71, 25, 66])


def test_acidity():
    assert datasets.acidity().acidity.shape == (155,)


def test_earthquakes():
    table = datasets.earthquakes()
    np.testing.assert_array_equal(table.year, np.arange(1900, 2007))
    assert (table.count.sum(), table.count.max()) == (2072, 41)


def test_casino():
    rolls = case("hmm_casino_durbin")["data"]["rolls"]
    assert "".join(str(face + 1) for face in datasets.casino().face) == rolls


def test_speed():
    table = datasets.speed()
    np.testing.assert_array_equal(np.bincount(table.series), [0, 168, 134, 137])
    assert table.correct.mean() == pytest.approx(0.745, abs=1e-3)
    assert 0 <= table.pay_off.min() < table.pay_off.max() <= 1


def test_every_table_has_a_function_and_a_file():
    for name in datasets.names():
        assert datasets.path(name).is_file()
        assert len({len(column) for column in getattr(datasets, name)()}) == 1


def test_a_misspelt_name_says_what_there_is():
    with pytest.raises(KeyError, match="old_faithful"):
        datasets.path("old_fathful")


def test_no_jax():
    code = "import sys, jaxem.datasets; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
