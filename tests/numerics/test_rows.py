"""Rows of pytrees, and blocks of them."""

import jax
import numpy as np
import pytest

from jaxem.numerics.rows import in_blocks, row_count, take_rows

DATA = {"x": np.arange(14.0).reshape(7, 2), "y": np.arange(7)}
WEIGHTS = np.arange(1.0, 8.0)


def test_counting_and_taking():
    assert row_count(DATA) == 7
    taken = take_rows(DATA, np.array([2, 0]))
    np.testing.assert_array_equal(taken["x"], [[4.0, 5.0], [0.0, 1.0]])
    np.testing.assert_array_equal(taken["y"], [2, 0])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
def test_blocks_hold_every_row_once_in_order(size):
    rows, weights = in_blocks(DATA, WEIGHTS, size)
    blocks = -(-7 // size)
    assert weights.shape == (blocks, size)
    assert rows["x"].shape == (blocks, size, 2)
    flat = jax.tree.map(lambda leaf: leaf.reshape(blocks * size, *leaf.shape[2:]), rows)
    np.testing.assert_array_equal(flat["x"][:7], DATA["x"])
    np.testing.assert_array_equal(flat["y"][:7], DATA["y"])
    np.testing.assert_array_equal(weights.ravel()[:7], WEIGHTS)


def test_what_fills_the_last_block_weighs_nothing_and_is_a_row():
    rows, weights = in_blocks(DATA, WEIGHTS, 4)
    assert weights[1, 3] == 0.0
    np.testing.assert_array_equal(rows["x"][1, 3], DATA["x"][0])
    assert weights.dtype == WEIGHTS.dtype and rows["y"].dtype == DATA["y"].dtype
