"""A tree without branches is a chain, and says so at every step and on every path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import DeclarationError
from tests.chains.test_paths import assert_same, fit_data_of, look
from tests.chains.variants import START, plain

RNG = np.random.default_rng(4)
Y = RNG.normal(size=(9, 30)) + np.repeat([[-1.5, 1.5]], 15, 1)


@pytest.fixture(scope="module")
def both():
    chain = plain()[0]
    tree = jaxem.Model(
        chain.log_joint,
        jaxem.Tree(range(-1, 29), 2),
        {name: jaxem.flat(p.shape, p.constraint) for name, p in _parameters(chain)},
    )
    options = {"init": START, "max_steps": 6, "tolerance": 0}
    return jaxem.fit(tree, Y, **options), jaxem.fit(chain, Y, **options)


def _parameters(model):
    return [(p.name, p) for p in model.parameters]


def test_they_take_the_same_steps(both):
    tree, chain = both
    assert tree.plan.route.path == chain.plan.route.path == "product"
    np.testing.assert_allclose(tree.trace, chain.trace, rtol=1e-12)
    assert_same(tree.params, chain.params)
    for name in ("responsibilities", "pairwise", "predict", "log_density"):
        a, b = getattr(tree, name)(Y), getattr(chain, name)(Y)
        np.testing.assert_allclose(a, b, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("e_step", [jaxem.Hard(), jaxem.Tempered(0.4)], ids=["hard", "tempered"])
def test_other_e_steps_agree_too(both, e_step):
    found = []
    for fit in both:
        model = fit.model
        factors = model.factors(model.flatten(START_ARRAYS), jnp.asarray(Y), None)
        found.append(jax.jit(lambda f, m=model: e_step.posterior(m.latent, f))(factors))
    for a, b in zip(jax.tree.leaves(found[0]), jax.tree.leaves(found[1]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


START_ARRAYS = {k: jnp.asarray(v) for k, v in START.items()}


def test_all_paths_agree(both):
    model = both[0].model
    fit_data = fit_data_of(model, Y, None)
    assert fit_data.split
    answers = [look(fit_data, path, model, START, jaxem.Exact()) for path in ("product", "direct")]
    assert_same(*answers)


def test_starts_come_from_shares_of_parents(both):
    """The pairs of an initialiser are those of a node and its parent, not of its neighbour."""
    chain = both[1].model
    tree = jaxem.Model(
        chain.log_joint,
        jaxem.Tree([-1, 0, 0, 0], 2),
        {name: jaxem.flat(p.shape, p.constraint) for name, p in _parameters(chain)},
    )
    labels = np.array([[0, 1, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]])
    start = jaxem.initial.from_responsibilities(labels)
    fit = jaxem.fit(tree, Y[:3, :4], init=start, max_steps=0)
    np.testing.assert_allclose(fit.params["transition"], [[1 / 6, 5 / 6], [1 / 3, 2 / 3]])


def test_what_a_tree_has_not_is_said(both):
    fit = both[0]
    with pytest.raises(DeclarationError, match="no order of time"):
        fit.filtered(Y)
    with pytest.raises(DeclarationError, match="Leave them out"):
        jaxem.fit(fit.model, Y, lengths=np.full(9, 30))
    with pytest.raises(DeclarationError, match="29 nodes on its second axis, and the tree 30"):
        fit.predict(Y[:, :29])
    step = jaxem.EM(m_step=jaxem.ClosedForm(lambda p, x, r: p))
    with pytest.raises(DeclarationError, match="pairs of states"):
        jaxem.fit(fit.model, Y, algorithm=step)
