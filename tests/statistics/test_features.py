"""From samples of functions to the features that they are made of."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.algebra.features import Features, choose_features, few_levels
from jaxem.algebra.rank import Standard, find_rank

_rng = np.random.default_rng(4)
COUNT = 300
X = _rng.uniform(0.1, 0.9, COUNT)
Y = _rng.normal(size=COUNT)
FACTORS = _rng.normal(size=(COUNT, 3, 3))
MATRICES = FACTORS @ FACTORS.transpose(0, 2, 1) + 0.1 * np.eye(3)
GRADES = _rng.integers(0, 4, COUNT)


def _span(*functions: np.ndarray) -> np.ndarray:
    """Random members of the span of these functions, as standard columns."""
    basis = np.stack(functions, 1)
    columns = basis @ np.random.default_rng(1).normal(size=(len(functions), 12)) + 3.0
    return Standard.of(columns)(columns)


def _choose(rows, columns: np.ndarray):
    levels = few_levels(rows, np.arange(COUNT))
    return choose_features(rows, columns, levels, find_rank(columns).value)


def _chosen(rows, *functions: np.ndarray) -> Features:
    """The features found, once their coefficients have been seen to give the columns back."""
    columns = _span(*functions)
    found = _choose(rows, columns)
    assert found is not None
    features, coefficients = found
    np.testing.assert_allclose(features(rows) @ coefficients, columns, rtol=0, atol=1e-9)
    return features


SINGLE = {
    "column": X,
    "product": X**2,
    "logarithm": np.log(X),
    "squared logarithm": np.log(X) ** 2,
    "logarithm of 1 - x": np.log1p(-X),
    "reciprocal": 1 / X,
    "cosine": np.cos(X),
    "sine": np.sin(X),
}


@pytest.mark.parametrize("kind", SINGLE)
def test_a_feature_is_found_when_it_and_only_it_is_needed(kind):
    assert _chosen(X, SINGLE[kind]).terms in {((kind, 0, 0),), _centred(kind)}


def _centred(kind: str):
    """A square about zero is one about the centre and a line."""
    return (("column", 0, 0), ("product", 0, 0)) if kind == "product" else ((kind, 0, 0),)


def test_a_product_of_two_columns_is_found():
    rows = {"x": X, "y": Y}
    features = _chosen(rows, (X - X.mean()) * (Y - Y.mean()))
    assert features.terms == (("product", 0, 1),)


@pytest.mark.parametrize("level", [0, 2])
def test_one_level_of_a_grade_is_found(level):
    features = _chosen({"grade": GRADES, "y": Y}, np.equal(level, GRADES).astype(float), Y)
    assert sorted(term[0] for term in features.terms)[0] == "column"
    assert len(features.terms) <= 4
    assert any(term[0] == "level" for term in features.terms)


def test_all_levels_are_one_fewer_than_there_are():
    indicators = [np.equal(level, GRADES).astype(float) for level in range(4)]
    features = _chosen(GRADES, *indicators)
    assert len(features.terms) == 3


def test_the_log_determinant_of_matrices_is_found():
    features = _chosen(MATRICES, np.linalg.slogdet(MATRICES)[1])
    assert features.terms == (("log determinant", 0, 0),)


def test_several_kinds_are_found_together_and_nothing_else():
    """As a gamma density beside a normal one needs them."""
    features = _chosen({"x": X, "y": Y}, X, np.log(X), Y, (Y - Y.mean()) ** 2)
    assert set(features.terms) == {
        ("column", 0, 0),
        ("column", 1, 0),
        ("product", 1, 1),
        ("logarithm", 0, 0),
    }


def test_what_the_library_does_not_hold_is_not_found():
    for function in (np.exp(X), np.abs(X - 0.5), X**1.5, 1 / (1 + X**2)):
        assert _choose(X, _span(function)) is None


def test_one_row_beyond_the_span_is_seen():
    columns = _span(X)
    columns[7] += 1e-6
    assert _choose(X, columns) is None
    assert _choose(X, _span(X)) is not None


def test_duplicate_constant_and_dependent_columns_do_not_hurt():
    rows = np.c_[X, X, np.full(COUNT, 2.5), 3 * X - 1, Y, X + Y]
    features = _chosen(rows, X, Y, (X - X.mean()) * (Y - Y.mean()))
    assert not {1, 2, 3} & {int(place) for _, *places in features.terms for place in places}
    values = features(rows)
    assert np.linalg.matrix_rank(values) == values.shape[1]


@pytest.mark.parametrize(("offset", "scale"), [(1e8, 1.0), (0.0, 1e-8), (0.0, 1e8), (-1e6, 1e-3)])
def test_units_do_not_matter(offset, scale):
    rows = offset + scale * Y
    centred = (rows - rows.mean()) / rows.std()
    features = _chosen(rows, centred, centred**2)
    assert features.terms == (("column", 0, 0), ("product", 0, 0))
    values = features(rows)
    assert np.all(np.abs(values) < 30)
    assert np.linalg.cond(values) < 10


def test_numpy_and_jax_agree():
    rows = {"g": GRADES, "m": MATRICES, "x": X, "y": Y}
    terms = (
        *(("column", i, 0) for i in (0, 10, 11)),
        *(("product", 11, 11), ("product", 10, 11)),
        *(("level", 0, 1.0), ("level", 0, 2.0)),
        *(("logarithm", 10, 0), ("logarithm of 1 - x", 10, 0), ("reciprocal", 11, 0)),
        *(("cosine", 11, 0), ("sine", 11, 0), ("log determinant", 1, 0)),
    )
    features = Features.of(terms, rows)
    numpy = features(rows)
    traced = Features(
        terms,
        *map(jnp.asarray, (features.center, features.spread)),
        *map(jnp.asarray, (features.middle, features.width)),
    )
    jax = np.asarray(traced({name: jnp.asarray(leaf) for name, leaf in rows.items()}))
    assert numpy.shape == (COUNT, 1 + len(terms))
    np.testing.assert_allclose(jax, numpy, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(numpy[:, 0], 1.0)
    np.testing.assert_allclose(numpy[:, 6:].mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(numpy[:, 6:].std(0), 1, rtol=1e-12)


def test_the_terms_mean_what_they_say():
    terms = (("column", 0, 0), ("product", 0, 1), ("level", 2, 3.0), ("reciprocal", 0, 0))
    rows = {"a": X, "b": Y, "c": GRADES}
    values = Features.of(terms, rows)(rows)
    x, y = (X - X.mean()) / X.std(), (Y - Y.mean()) / Y.std()
    expected = [x, x * y, (GRADES == 3) * 1.0, 1 / X]
    for k, column in enumerate(expected):
        inner = column if k < 2 else (column - column.mean()) / column.std()
        np.testing.assert_allclose(values[:, k + 1], inner, rtol=1e-10, atol=1e-12)


def test_they_read_well():
    terms = (("column", 0, 0), ("product", 0, 0), ("product", 0, 1), ("logarithm", 0, 0))
    rows = np.c_[X, Y]
    assert Features.of(terms, rows).describe() == "a constant, 1 column, 2 products, 1 logarithm"
    assert Features.of((), rows).describe() == "a constant"


@pytest.mark.parametrize(
    "kind",
    ["logarithm", "logarithm of 1 - x", "log determinant"],
)
def test_the_plural_of_every_kind_reads_well(kind):
    rows = {"m": MATRICES, "n": MATRICES, "x": X, "y": X**2}
    places = (0, 1) if kind == "log determinant" else (18, 19)
    words = Features.of(tuple((kind, i, 0) for i in places), rows).describe()
    plural = {
        "logarithm": "2 logarithms",
        "logarithm of 1 - x": "2 logarithms of 1 - x",
        "log determinant": "2 log determinants",
    }
    assert words == f"a constant, {plural[kind]}"


def test_few_levels_are_counted_rarest_first():
    grades = np.r_[np.zeros(200), np.ones(90), np.full(10, 7.0)]
    levels = few_levels({"grade": grades, "y": Y}, np.arange(COUNT))
    assert list(levels) == [0]
    np.testing.assert_array_equal(levels[0], [7.0, 1.0, 0.0])
