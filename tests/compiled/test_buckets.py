"""Sizes to which rows and restarts are filled up."""

import numpy as np
import pytest

import jaxem
from jaxem.compiled.buckets import bucket, bucket_of_rows, filled

COUNTS = np.unique(np.round(2 ** np.linspace(0, 18, 400)).astype(int)).tolist()


@pytest.mark.parametrize("up, most", [(bucket, 1.25), (bucket_of_rows, 2.0)])
def test_sizes_are_at_least_as_large_and_repeat(up, most):
    sizes = [up(count) for count in COUNTS]
    assert all(count <= size < most * count + 1 for count, size in zip(COUNTS, sizes, strict=True))
    assert sizes == sorted(sizes)
    assert all(up(size) == size for size in sizes)


def test_many_rows_are_filled_up_by_little():
    assert all(bucket_of_rows(n) <= 1.25 * n + 1 for n in COUNTS if n > 256)
    assert all(bucket_of_rows(n) <= 1.0625 * n + 1 for n in COUNTS if n > 4096)
    few = {bucket_of_rows(n) for n in COUNTS if n <= 4096}
    assert len(few) < 30


def test_what_fills_up_is_the_first_entry():
    np.testing.assert_array_equal(filled(np.array([3, 4]), 5), [3, 4, 3, 3, 3])
    whole = np.arange(3)
    assert filled(whole, 3) is whole


def test_nearly_as_many_restarts_compile_nothing(programs_compiled):
    """Whatever kinds of starts they are shared among."""
    rows = np.concatenate([np.linspace(-1, 1, 30), np.linspace(4, 6, 30)])
    model = jaxem.zoo.poisson_mixture(2)
    jaxem.fit(model, np.round(rows + 2), restarts=16)
    with programs_compiled() as seen:
        jaxem.fit(model, np.round(rows + 2), restarts=15)
    assert not seen
