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
