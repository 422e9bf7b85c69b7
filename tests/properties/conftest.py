"""Every property test meets every declared model; what a model compiles, its tests share."""

import pytest

from .models import MODELS
from .study import Study


@pytest.fixture(scope="session", params=list(MODELS), ids=lambda name: name.replace(" ", "-"))
def study(request):
    return Study(MODELS[request.param]())
