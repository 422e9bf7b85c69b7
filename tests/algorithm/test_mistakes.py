"""What cannot be accelerated is refused in words."""

from typing import Any

import numpy as np
import pytest

import jaxem
from tests.fitting.problem import DATA, mixture

UPDATE = jaxem.EM(
    m_step={
        "weights": jaxem.ClosedForm(lambda params, data, responsibilities: responsibilities.sum(0))
    }
)


def anything(value) -> Any:
    return value


MISTAKES: dict[str, Any] = {
    "jumps": (lambda: jaxem.Squarem(jaxem.EM(e_step=jaxem.Hard())), "Squarem.*moves in jumps"),
    "an own update": (lambda: jaxem.Anderson(UPDATE), "ClosedForm update is checked instead"),
    "twice": (lambda: jaxem.Anderson(anything(jaxem.Squarem())), r"accelerates jaxem\.EM"),
    "a class": (lambda: jaxem.Squarem(anything(jaxem.EM)), r"accelerates jaxem\.EM"),
    "no order": (lambda: jaxem.Anderson(order=0), "order must be an integer of at least 1"),
    "a race of none": (lambda: jaxem.Race(0), "restarts must be an integer"),
    "a race that all win": (lambda: jaxem.Race(4, keep=5), "keep=5 of 4"),
    "half a step": (lambda: jaxem.Race(4, after=anything(0.5)), "after must be an integer"),
    "an unknown finish": (lambda: fit(finish="lbfgs"), '"newton" or None'),
    "an unknown finish to explain": (
        lambda: jaxem.explain(mixture(), DATA, finish="lbfgs"),
        '"newton" or None',
    ),
    "an algorithm to explain that is none": (
        lambda: jaxem.explain(mixture(), DATA, algorithm=anything("squarem")),
        r"jaxem\.Squarem",
    ),
    "a finish with kinks": (
        lambda: fit(finish="newton", algorithm=jaxem.EM(e_step=jaxem.Hard())),
        "climbs the log likelihood",
    ),
    "a finish that hides": (lambda: fit(finish="newton", algorithm=UPDATE), "would hide"),
    "no algorithm": (lambda: fit(algorithm="squarem"), r"jaxem\.Squarem"),
    "restarts that are none": (lambda: fit(restarts="many"), r"jaxem\.Race"),
}


def fit(**options):
    return jaxem.fit(mixture(), DATA, **options)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()


def test_too_many_coordinates_for_a_finish(monkeypatch):
    monkeypatch.setattr("jaxem.fitting.options.LARGEST", 5)
    with pytest.raises(jaxem.DeclarationError, match=r"6 coordinates.*Anderson"):
        fit(finish="newton")


def test_a_race_keeps_a_sixteenth():
    assert [jaxem.Race(n).kept for n in (2, 64, 320)] == [2, 4, 20]
    assert np.all([jaxem.Race(9, keep=3).kept == 3])
