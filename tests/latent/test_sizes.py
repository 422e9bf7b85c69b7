"""Numbers of states that no machine has memory for."""

import pytest

import jaxem
from jaxem import DeclarationError
from jaxem.numerics.memory import in_words


@pytest.mark.parametrize(
    "declare",
    [
        lambda: jaxem.Chain(**{f"part{i}": 2 for i in range(20)}),
        lambda: jaxem.Finite(**{f"part{i}": 10 for i in range(400)}),
        lambda: jaxem.Tree([-1, 0, 0], base=3000, rate=3000),
        lambda: jaxem.Finite(10**12),
        lambda: jaxem.Chain(10**6),
    ],
)
def test_too_many_states_are_refused_before_anything_is_made(declare):
    with pytest.raises(DeclarationError, match=r"joint states.*limit is half of the memory"):
        declare()


def test_ordinary_numbers_are_not():
    assert jaxem.Chain(100).configurations == 10100
    assert jaxem.Finite(**{f"part{i}": 2 for i in range(10)}).size == 1024


def test_sizes_in_words():
    assert in_words(1536) == "1.5 KiB" and in_words(2**33) == "8 GiB"
