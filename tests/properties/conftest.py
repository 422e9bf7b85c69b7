"""Every property test meets every declared model; what a model compiles, its tests share.

A test that needs less than all says which: ``@pytest.mark.parametrize("study", [...],
indirect=True)``.
"""

import pytest

from .models import MODELS, marked
from .study import study_of


@pytest.fixture(scope="session", params=marked(MODELS), ids=lambda name: name.replace(" ", "-"))
def study(request):
    return study_of(request.param)
