"""What counts as a table: anything with rows, in the precision of the flag."""

import warnings

import jax
import numpy as np
import pytest

import jaxem
from jaxem.model import arrays
from jaxem.model.check import prepare_data, prepare_weights


class Frame:
    """As much of a data frame as is asked for."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def to_numpy(self):
        return self._values


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ([1.0, 2.0, 3.0], (3,)),
        ((1, 2, 3), (3,)),
        ([[1.0, 2.0], [3.0, 4.0]], (2, 2)),
        (np.ones((4, 2, 3)), (4, 2, 3)),
        (Frame([[1.0], [2.0]]), (2, 1)),
        (jax.numpy.ones(5), (5,)),
    ],
)
def test_one_table(data, shape):
    prepared = prepare_data(data)
    assert isinstance(prepared, np.ndarray) and prepared.shape == shape


def test_a_pytree_of_tables():
    prepared = prepare_data({"x": [1.0, 2.0], "y": (Frame([[1], [2]]), np.ones(2, bool))})
    assert prepared["x"].dtype == np.float64
    assert prepared["y"][0].shape == (2, 1) and prepared["y"][1].dtype == bool


def test_integers_stay_integers_and_floats_follow_the_flag(float32, monkeypatch):
    monkeypatch.setattr(arrays, "_warned", False)
    with pytest.warns(UserWarning, match="float64 data are fitted in float32.*enable_x64"):
        prepared = prepare_data({"x": np.ones(2), "y": np.arange(2)})
    assert prepared["x"].dtype == np.float32 and prepared["y"].dtype == np.int32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare_data({"x": np.ones(2)})


def test_weights_are_ones_unless_given():
    model = jaxem.Model(
        lambda params, z, x: params["loc"][z] * x, jaxem.Finite(2), {"loc": jaxem.flat((2,))}
    )
    np.testing.assert_array_equal(prepare_weights(None, 3, model), np.ones(3))
    np.testing.assert_array_equal(prepare_weights([1, 2, 0], 3, model), [1.0, 2.0, 0.0])


class NAType:
    """As pandas writes a missing value."""


MASKED = {
    "array": (np.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0]), "data is masked in 1 of 3"),
    "column": (
        {"a": {"b": np.ma.masked_array(np.ones((3, 2)), mask=[[0, 0], [0, 1], [0, 1]])}},
        r"column 1 of data\['a'\]\['b'\] is masked in 2 of 3.*row 1.*seen",
    ),
    "integers": (np.ma.masked_equal([1, -9, 2], -9), "masked in 1 of 3"),
    "list of masked": ([1.0, np.ma.masked, 2.0], "missing in 1 of 3"),
    "table of lists": ([[1.0, 2.0], [np.ma.masked, 2.0]], "column 0 of data is missing in 1 of 2"),
    "tuple": ((np.ones(2), np.ma.masked_array([1, 2], mask=[1, 0])), r"data\[1\] is masked"),
    "None": (np.array([1, None, 3], object), "missing in 1 of 3"),
    "frame": (Frame(np.array([[1, NAType()], [2, 3]], object)), "column 1 of data is missing"),
}


@pytest.mark.parametrize("name", MASKED)
def test_masked_and_missing_entries_are_refused(name):
    data, words = MASKED[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        prepare_data(data)


def test_masks_are_refused_wherever_data_are_taken():
    masked = np.ma.masked_array([1.0, 2.0], mask=[0, 1])
    with pytest.raises(jaxem.DeclarationError, match=r"parts\[1\] is masked in 1 of 2"):
        jaxem.sequences([np.ones(3), masked])
    model = jaxem.Model(lambda p, z, x: p["a"] * x * z, jaxem.Finite(2), {"a": jaxem.flat()})
    with pytest.raises(jaxem.DeclarationError, match=r"weights is masked.*weight 0"):
        prepare_weights(masked, 2, model)
    with pytest.raises(jaxem.DeclarationError, match="masked"):
        model.log_likelihood({"a": 1.0}, masked)


def test_arrays_without_a_masked_entry_are_data():
    assert prepare_data(np.ma.masked_array([1, 2])).tolist() == [1, 2]
    assert prepare_data(Frame(np.array([1, 2.5], object))).dtype == np.float64
    assert prepare_data(Frame(np.array([True, False], object))).dtype == bool


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint16, np.int32, np.uint32, np.uint64])
def test_integers_become_those_of_the_flag(kind):
    """Arithmetic of bytes would leave their range: 200 * 200 is 64 there."""
    assert prepare_data(np.array([1, 100], kind)).dtype == np.int64


@pytest.mark.parametrize("values", [[2**40], [-(2**31) - 1], [2**31], np.array([2**63], np.uint64)])
def test_integers_beyond_32_bits_become_floats(float32, monkeypatch, values):
    monkeypatch.setattr(arrays, "_warned", False)
    with pytest.warns(UserWarning, match=r"integers beyond 2\*\*24 are fitted in float32"):
        prepared = prepare_data(np.asarray(values))
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, np.asarray(values, float), rtol=1e-6)
    model = jaxem.Model(lambda p, z, x: p["a"] * x + z, jaxem.Finite(1), {"a": jaxem.flat()})
    direct = model.log_likelihood({"a": 1.0}, np.asarray(values))
    assert float(direct) == pytest.approx(float(np.asarray(values, float)[0]), rel=1e-6)


def test_unsigned_integers_beyond_64_bits_become_floats():
    assert prepare_data(np.array([2**63], np.uint64)).dtype == np.float64
    assert prepare_data(np.array([2**62], np.uint64)).dtype == np.int64
