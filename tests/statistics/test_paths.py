"""Three ways through the data, one answer: by products, by anchors, and row by row."""

import jax
import numpy as np
import optax
import pytest

import jaxem
from jaxem.algebra.plan import make_plan
from jaxem.algorithm import EM
from jaxem.compiled.buckets import bucket_of_rows
from jaxem.data.fit_data import PATHS, find_fit_data
from jaxem.estep import Exact
from jaxem.initial import Setting
from jaxem.traces.rewrite import name_of, programs_of

from .paths import GAMMA, GAMMA_START, NORMAL, NORMAL_STARTS, ROWS, begin_with, gammas, normals

START = {name: value[0] for name, value in NORMAL_STARTS.items()}
WEIGHTS = np.random.default_rng(2).uniform(0.5, 3.0, ROWS)
ALGORITHMS = {
    "closed": EM(),
    "hard": EM(jaxem.Hard()),
    "optax": EM(m_step=jaxem.Ascent(optax.adam(1e-2))),
}


def _trace(monkeypatch, path: str, model, data, start, **options) -> np.ndarray:
    begin_with(monkeypatch, path)
    fit = jaxem.fit(model, data, init=start, tolerance=0, max_steps=8, **options)
    assert fit.plan.route.path == path
    assert fit.plan.route.changes == ()
    assert len(fit.trace) == 9
    return fit.trace


def _traces(monkeypatch, *args, **options) -> list[np.ndarray]:
    traces = [_trace(monkeypatch, path, *args, **options) for path in PATHS]
    assert np.ptp(traces[0]) > 1e-3  # there is something to agree on
    return traces


@pytest.mark.parametrize("name", ALGORITHMS)
def test_all_paths_go_the_same_way(name, monkeypatch):
    product, anchors, direct = _traces(
        monkeypatch, normals(), NORMAL, START, algorithm=ALGORITHMS[name]
    )
    np.testing.assert_allclose(product, direct, rtol=1e-10)
    np.testing.assert_allclose(anchors, direct, rtol=1e-10)


def test_weighted_rows_go_the_same_way_on_all_paths(monkeypatch):
    product, anchors, direct = _traces(monkeypatch, normals(), NORMAL, START, weights=WEIGHTS)
    np.testing.assert_allclose(product, direct, rtol=1e-10)
    np.testing.assert_allclose(anchors, direct, rtol=1e-10)
    begin_with(monkeypatch, "product")
    unweighted = jaxem.fit(normals(), NORMAL, init=START, tolerance=0, max_steps=1)
    assert abs(unweighted.trace[0] - product[0]) > 1


@pytest.mark.long
def test_newtons_method_goes_the_same_way_on_all_paths(monkeypatch):
    """Far from the top a step ends where twelve iterations lead, and rounding tells how far."""
    product, anchors, direct = _traces(monkeypatch, gammas(), GAMMA, GAMMA_START)
    np.testing.assert_allclose(product[[0, 1, -1]], direct[[0, 1, -1]], rtol=1e-10)
    np.testing.assert_allclose(anchors[[0, 1, -1]], direct[[0, 1, -1]], rtol=1e-10)
    np.testing.assert_allclose(product, direct, rtol=1e-8)
    np.testing.assert_allclose(anchors, direct, rtol=1e-8)


def test_an_update_that_a_person_wrote_sees_every_row():
    seen = []

    def update(params, data, responsibilities):
        seen.append(data.shape)
        return {"weights": responsibilities.sum(0) / responsibilities.sum()}

    algorithm = EM(m_step=jaxem.ClosedForm(update))
    fit = jaxem.fit(normals(), NORMAL, init=START, algorithm=algorithm, max_steps=3, tolerance=0)
    route = fit.plan.route
    assert route.path == "direct"
    assert "person" in route.reason
    assert route.rank is None
    assert set(seen) == {(ROWS,)}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["closed", "newton", "optax"])
def test_the_m_step_sees_anchors_alone(name, path):
    """No array in it has as many entries along any axis as there are rows."""
    model, data, start = (normals(), NORMAL, START)
    if name == "newton":
        model, data, start = gammas(), GAMMA, GAMMA_START
    algorithm = ALGORITHMS.get(name, EM())
    weights = np.ones(ROWS)
    plan = make_plan(model, data, weights)
    fit_data = find_fit_data(Setting(model, plan, data, weights), algorithm, 1)
    source = fit_data.source(path, model.latent.size, 1)
    values = model.flatten(start)
    _, counts, q = source.expect(model, Exact(), values)
    names = tuple(p.name for p in model.free)
    m_step = jax.make_jaxpr(lambda v: algorithm.m_step(plan, q, v, names))(values)
    longest = max(max(shape, default=0) for shape in _shapes(m_step))
    assert counts.sum() == pytest.approx(ROWS)
    assert longest == bucket_of_rows(ROWS) if path == "direct" else longest < 64


def test_the_product_path_evaluates_the_log_joint_at_anchors_alone():
    model, weights = normals(), np.ones(ROWS)
    plan = make_plan(model, NORMAL, weights)
    fit_data = find_fit_data(Setting(model, plan, NORMAL, weights), EM(), 1)
    values = model.flatten(START)
    lengths = {}
    for path in PATHS:
        source = fit_data.source(path, 2, 1)
        e_step = jax.make_jaxpr(lambda v, s=source: s.expect(model, Exact(), v)[:2])(values)
        lengths[path] = _count_of_divisions(e_step, bucket_of_rows(ROWS))
    # One for posterior probabilities, one for features, one for the log joint.
    assert lengths == {"product": 2, "anchors": 3, "direct": 2}


def _equations(jaxpr):
    """All equations, those of inner programs too."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in programs_of(equation):
            yield from _equations(inner)


def _shapes(closed):
    jaxpr = closed.jaxpr
    for equation in _equations(jaxpr):
        for variable in (*equation.invars, *equation.outvars):
            yield getattr(variable.aval, "shape", ())
    for constant in closed.consts:
        yield np.shape(constant)


def _count_of_divisions(closed, rows: int) -> int:
    """Divisions of arrays that are as long as the data; a normal density has them."""
    return sum(
        name_of(equation) == "div" and rows in equation.outvars[0].aval.shape
        for equation in _equations(closed.jaxpr)
    )


def test_a_large_e_step_is_timed_and_the_faster_path_begins(monkeypatch):
    """Here everything is large; the timing stands in the explanation, and is made once."""
    monkeypatch.setattr("jaxem.data.fit_data._WORTH_TIMING", 1)
    page = jaxem.explain(normals(), NORMAL)
    route = page.route
    assert len(route.seconds) == 2 and all(s > 0 for s in route.seconds)
    assert route.path == PATHS[int(np.argmin(route.seconds))]
    assert "an E-step was timed" in str(page)
    assert jaxem.explain(normals(), NORMAL).route.seconds == route.seconds


def test_the_rounding_of_products_is_what_the_e_step_says():
    """A narrow state makes the terms of the objective large, and its rounding with them."""
    rng = np.random.default_rng(4)
    data = np.concatenate([rng.normal(size=300), 2 + 0.003 * rng.normal(size=100)])
    model, weights = normals(), np.ones(400)
    fit_data = find_fit_data(
        Setting(model, make_plan(model, data, weights), data, weights), EM(), 1
    )
    source = fit_data.source("product", 2, 1)
    at = {"weights": np.array([0.75, 0.25]), "loc": np.array([0.0, 2.0])}
    at = model.flatten({**START, **at, "scale": np.array([1.0, 0.003])})
    nearby = 1 + 1e-14 * np.arange(256)
    moved = {k: np.asarray(v) * nearby.reshape(-1, *[1] * np.ndim(v)) for k, v in at.items()}

    def look(values):
        evidence, _, q = source.expect(model, Exact(), values)
        return evidence, q.rounding

    evidence, rounding = jax.jit(jax.vmap(look))(moved)
    smooth = np.polyval(np.polyfit(nearby - 1, evidence, 1), nearby - 1)
    assert 0.3 < np.std(evidence - smooth) / rounding[0] < 3
    assert rounding[0] > 20 * np.finfo(float).eps * abs(evidence[0])
