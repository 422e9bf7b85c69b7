"""Tables that are no tables of numbers, and starts, weights and options that fit nothing."""

import numpy as np
import pytest

import jaxem

from .mixtures import TWO, centres, normals

START = {"weights": np.array([0.5, 0.5]), "loc": np.array([0.0, 3.0]), "scale": np.ones(2)}
HOLES = np.column_stack([TWO, TWO])
HOLES[[3, 7], 1] = [np.nan, np.inf]


@pytest.fixture(scope="module")
def model():
    return normals()


DATA = {
    "holes": (HOLES, ["column 1 of data", "2 of 40 rows", "first in row 3", "weight 0"]),
    "holes in one of several": (
        {"x": TWO, "y": np.where(TWO > 5, np.inf, TWO)},
        ["data['y']", "3 of 40 rows", "Remove these rows"],
    ),
    "text": (np.array(["a", "b", "a"]), ["text, not numbers", "integers 0, 1, 2"]),
    "text beside numbers": ([["a", 1.0], ["b", 2.0]], ["text, not numbers"]),
    "objects": (np.array([{}, 1.0, 2.0]), ["not numbers", "integers"]),
    "missing objects": (np.array([None, 1.0, 2.0]), ["missing in 1 of 3 rows", "first in row 0"]),
    "dates": (np.array(["2020-01-01"] * 3, "datetime64[D]"), ["dates, not numbers"]),
    "complex": (TWO + 1j, ["complex, not numbers"]),
    "no rows": (np.zeros((0, 2)), ["no rows"]),
    "nothing": ({}, ["empty", "give an array"]),
    "a number": (3.0, ["single number", "one entry a row"]),
    "ragged rows": ([[1.0, 2.0], [3.0]], ["cannot be read as a table"]),
    "unequal lengths": ({"x": TWO, "y": TWO[:3]}, ["data['x'] has 40", "data['y'] has 3"]),
    "fewer rows than states": (TWO[:1], ["1 row", "2 latent states", "Use fewer states"]),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_are_no_table_are_explained(model, name):
    data, words = DATA[name]
    with pytest.raises(jaxem.DeclarationError) as complaint:
        jaxem.fit(model, data)
    for word in words:
        assert word in str(complaint.value)


STARTS = {
    "a wrong name": ({**START, "lok": 1.0}, ["init has 'lok'", "did you mean 'loc'"]),
    "a missing name": ({"weights": START["weights"]}, ["init lacks parameter 'loc'", "(2,)"]),
    "a wrong shape": ({**START, "loc": np.zeros(3)}, ["init['loc']", "(3,)", "expected (2,)"]),
    "no probabilities": ({**START, "weights": [0.5, 0.7]}, ["init['weights']", "support"]),
    "a negative scale": ({**START, "scale": [1.0, -1.0]}, ["init['scale']", "support"]),
    "not a number": ({**START, "loc": [np.nan, 0.0]}, ["init['loc']", "not finite"]),
    "no dictionary": ([0.0, 1.0], ["init must be a dictionary", "[0.0, 1.0]"]),
    "a word": ("kmeans", ["init must be a dictionary", "initialiser", "'kmeans'"]),
    "responsibilities of other rows": (
        jaxem.initial.from_responsibilities(np.ones((3, 2))),
        ["(3, 2)", "expected (40, 2)"],
    ),
    "a label too many": (
        jaxem.initial.from_responsibilities(np.arange(40) % 3),
        ["integers from 0 to 1", "0 to 2"],
    ),
    "negative responsibilities": (
        jaxem.initial.from_responsibilities(-np.ones((40, 2))),
        ["not negative"],
    ),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_start_that_cannot_be_is_explained(model, name):
    init, words = STARTS[name]
    with pytest.raises(jaxem.DeclarationError) as complaint:
        jaxem.fit(model, TWO, init=init)
    for word in words:
        assert word in str(complaint.value)


OPTIONS = {
    "weights": (np.ones(3), ["weights has shape (3,)", "expected (40,)"]),
    "weights ": (-np.ones(40), ["weights[0] is -1", "Use 0"]),
    "weights  ": (np.full(40, np.nan), ["weights[0] is nan", "finite"]),
    "weights   ": (np.zeros(40), ["all weights are zero"]),
    "weights    ": (["a"] * 40, ["weights", "numbers"]),
    "restarts": (0, ["restarts", "at least 1", "0"]),
    "restarts ": (2.0, ["restarts", "integer", "2.0"]),
    "max_steps": (-1, ["max_steps", "at least 0", "-1"]),
    "tolerance": (-1.0, ["tolerance", "at least 0", "-1.0"]),
    "tolerance ": (float("nan"), ["tolerance", "nan"]),
    "time_limit": (0, ["time_limit", "positive", "0"]),
    "algorithm": ("em", ["algorithm", "jaxem.EM", "'em'"]),
    "key": ("seed", ["key must be an int", "'seed'"]),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_cannot_be_is_explained(model, name):
    value, words = OPTIONS[name]
    with pytest.raises(jaxem.DeclarationError) as complaint:
        jaxem.fit(model, TWO, **{name.strip(): value})
    for word in words:
        assert word in str(complaint.value)


def test_rows_of_another_form_are_explained_after_the_fit():
    fit = jaxem.fit(centres(), TWO, max_steps=1)
    with pytest.raises(jaxem.DeclarationError):
        fit.predict({"x": TWO})
    with pytest.raises(jaxem.DeclarationError, match="NaN"):
        fit.responsibilities(np.array([1.0, np.nan]))
