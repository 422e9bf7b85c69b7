"""Whatever a log joint looks like: the right rank and an exact product, or a reason for neither."""

import numpy as np
import pytest

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.numerics.rows import row_count

from .search import JOINTS, searched

FINITE = [name for name, joint in JOINTS.items() if joint.rank and not joint.near]
INFINITE = [name for name, joint in JOINTS.items() if not joint.rank and not joint.near]


@pytest.mark.parametrize("name", FINITE)
def test_the_rank_is_the_one_derived_by_hand(name):
    found = searched(name).found
    assert isinstance(found, Anchors), found
    assert found.count == JOINTS[name].rank
    assert found.rank.clear
    assert row_count(found.rows) == found.count


@pytest.mark.parametrize("name", FINITE)
def test_anchors_give_every_row_at_parameters_never_seen(name):
    here = searched(name)
    found, tables = here.found, here.plan.tables
    assert isinstance(found, Anchors), found
    coefficients = found.coefficients(here.rows, np.arange(row_count(here.rows)))
    for values in [*here.fresh(3), *here.plan.ascents[1:]]:
        direct = tables(values, here.rows)
        at_anchors = tables(values, found.rows) - found.reference[:, None]
        product = coefficients @ at_anchors + found.references[:, None]
        spread = (direct - found.references[:, None]).std(0)
        rounding = 1e-14 * np.abs(direct).max()  # a climb may have stayed at the reference
        assert np.all(np.abs(product - direct).max(0) <= 1e-8 * spread + rounding)


@pytest.mark.parametrize("name", INFINITE)
def test_what_has_no_finite_rank_is_refused_with_a_reason(name):
    found = searched(name).found
    assert isinstance(found, Refused), found
    reasons = ("no finite rank", "the log joint is -inf", "the rank", "rows outside", "rows lie")
    assert any(reason in found.reason for reason in reasons)


def test_a_support_that_moves_is_refused_for_its_infinities():
    for name in ("impossible cells", "truncated"):
        found = searched(name).found
        assert isinstance(found, Refused)
        assert "-inf" in found.reason


def test_a_bend_that_no_draw_meets_leaves_the_plain_rank():
    """A clip at -1000 nats: three, if the search takes it at all."""
    found = searched("inactive clip").found
    assert isinstance(found, Refused) or found.count == 3
