"""The options that a config may give are the arguments of the functions of the zoo."""

import inspect
from typing import get_args

import pytest

from jaxem import zoo
from jaxem.cli.options import ZOO, Conjugate
from jaxem.cli.schema import Zoo


def test_every_ready_model_has_options():
    functions = {name for name in zoo.__all__ if inspect.isfunction(getattr(zoo, name))}
    assert set(ZOO) == functions == set(get_args(Zoo))


@pytest.mark.parametrize("name", ZOO)
def test_options_are_the_arguments(name):
    parameters = inspect.signature(getattr(zoo, name)).parameters
    fields = ZOO[name].model_fields
    assert set(fields) == set(parameters)
    for key, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert _listed(fields[key].default) == _listed(parameter.default)


@pytest.mark.parametrize("name", ZOO)
def test_options_know_chains(name):
    assert ZOO[name].chain == name.endswith("_chain")


def _listed(default):
    return list(default) if isinstance(default, tuple) else default


def test_the_conjugate_prior():
    assert tuple(Conjugate.model_fields) == zoo.NormalInverseWishart._fields
