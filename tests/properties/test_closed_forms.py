"""The textbook's closed forms, by name and by number; and none where there is none."""

import numpy as np
import pytest

from .models import those_with


def test_at_least_a_dozen_models_are_closed_throughout():
    assert len(those_with("exact")) >= 12


def test_every_parameter_is_solved_as_the_textbook_does(study):
    found = {line.name: line for line in study.explanation.lines}
    for name, words in study.case.closed.items():
        assert found[name].solved == f"closed form: {words}"
        assert found[name].exact and not found[name].reason
    for name in study.case.thresholds:
        assert found[name].solved.startswith("proximal step") and found[name].exact
        assert found[name].reason == "its prior has a kink at 0"
    if study.case.exact:
        assert {*study.case.closed, *study.case.thresholds} == set(found)


def test_one_sweep_is_the_exact_m_step_or_says_that_it_is_not(study):
    assert study.explanation.exact == study.case.exact
    plainly = study.explanation.verdict == "one sweep is the exact M-step"
    assert plainly == study.case.exact
    assert study.explanation.verdict in str(study.explanation)


@pytest.mark.parametrize("study", those_with("update"), indirect=True)
def test_one_sweep_is_the_textbook_update(study):
    expected = study.case.update(study.case.start, study.case.data, study.responsibilities)
    found = study.lane(study.steps(1))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("study", those_with("refused"), indirect=True)
def test_what_has_no_closed_form_gets_none(study):
    found = {line.name: line for line in study.explanation.lines}
    for name in study.case.refused:
        assert not found[name].exact
        assert not found[name].solved.startswith("closed form")
