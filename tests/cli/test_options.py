"""The options that a config may give are the arguments of the functions of the zoo."""

import inspect
from typing import get_args

import pytest

from jaxem import zoo
from jaxem.cli.options import ZOO, Conjugate
from jaxem.cli.schema import Zoo


def test_every_ready_model_of_independent_rows_has_options():
    """A config has no way yet to say where a sequence ends."""
    functions = {name for name in zoo.__all__ if inspect.isfunction(getattr(zoo, name))}
    functions = {name for name in functions if not name.endswith("_chain")}
    assert set(ZOO) == functions == set(get_args(Zoo))


@pytest.mark.parametrize("name", ZOO)
def test_options_are_the_arguments(name):
    parameters = inspect.signature(getattr(zoo, name)).parameters
    fields = ZOO[name].model_fields
    assert list(fields) == list(parameters)
    for key, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert fields[key].default == parameter.default


def test_the_conjugate_prior():
    assert tuple(Conjugate.model_fields) == zoo.NormalInverseWishart._fields
