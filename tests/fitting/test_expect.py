"""Conditional expectations and modes against sums over all states, and over all paths."""

import itertools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

ROWS = np.array([0.3, -1.2, 4.0, 2.2, 0.9])
SERIES, LENGTHS = jaxem.sequences([[0, 3, 4], [5, 1, 0, 2], [2]])


def of_parts(params, z, x):
    """Two hidden parts; they are never 1 and 0."""
    log_share = jnp.log(params["share"])[z["left"], z["right"]]
    never = (z["left"] == 1) & (z["right"] == 0)
    here = params["loc"][z["left"]] + params["shift"][z["right"]]
    return jnp.where(never, -jnp.inf, log_share + dist.Normal(here, 1.0).log_prob(x))


def of_step(params, z_prev, z, x):
    chances = params["first"] if z_prev is None else params["move"][z_prev]
    return jnp.log(chances)[z] + dist.Poisson(params["rate"][z]).log_prob(x)


@pytest.fixture(scope="module")
def parts():
    prior = {
        "share": dist.Delta(jnp.array([[0.2, 0.3], [0.1, 0.4]]), event_dim=2),
        "loc": jaxem.flat((2,)),
        "shift": dist.Normal(jnp.zeros(2), 1.0),
    }
    model = jaxem.Model(of_parts, jaxem.Finite(left=2, right=2), prior)
    start = {"loc": [0.0, 3.0], "shift": [-0.5, 0.5]}
    return jaxem.fit(model, ROWS, init=start, max_steps=1)


@pytest.fixture(scope="module")
def chain():
    prior = {
        "first": jaxem.flat((2,), constraints.simplex),
        "move": jaxem.flat((2, 2), constraints.simplex),
        "rate": jaxem.flat((2,), constraints.positive),
    }
    start = {"first": [0.6, 0.4], "move": [[0.7, 0.3], [0.4, 0.6]], "rate": [1.0, 4.0]}
    model = jaxem.Model(of_step, jaxem.Chain(2), prior)
    return jaxem.fit(model, SERIES, lengths=LENGTHS, init=start, max_steps=1)


def joints(fit, x):
    """The joint density of a row at the states that are possible, by hand."""
    p, out = fit.params, {}
    for a, b in [(0, 0), (0, 1), (1, 1)]:
        here = p["loc"][a] + p["shift"][b]
        out[a, b] = p["share"][a, b] * np.exp(-((x - here) ** 2) / 2)
    return out


def test_rows_are_expected_as_sums_over_states(parts):
    def wanted(params, z, x):
        surprise = -of_parts(params, z, x)  # infinite where it cannot be
        return {"left": z["left"], "both": (surprise, params["loc"] * (x + z["right"]))}

    found = parts.expect(ROWS, wanted)
    assert found["left"].shape == (5,) and found["both"][1].shape == (5, 2)
    loc = parts.params["loc"]
    for i, x in enumerate(ROWS):
        joint = joints(parts, x)
        total = sum(joint.values())
        left = sum(a * v for (a, _), v in joint.items()) / total
        right = sum(b * v for (_, b), v in joint.items()) / total
        logs = {z: np.log(v) - np.log(2 * np.pi) / 2 for z, v in joint.items()}
        surprise = -sum(logs[z] * v for z, v in joint.items()) / total
        assert found["left"][i] == pytest.approx(left, rel=1e-12)
        assert found["both"][0][i] == pytest.approx(surprise, rel=1e-12)
        np.testing.assert_allclose(found["both"][1][i], loc * (x + right), rtol=1e-12)


def test_the_mode_of_parts_is_the_joint_one(parts):
    found = parts.predict(ROWS)
    assert set(found) == {"left", "right"}
    for i, x in enumerate(ROWS):
        joint = joints(parts, x)
        assert (int(found["left"][i]), int(found["right"][i])) == max(joint, key=joint.__getitem__)


def test_steps_are_expected_as_sums_over_paths(chain):
    def of_state(params, z, x):
        return params["rate"][z] - x

    def of_pair(params, z_prev, z, x):
        return jnp.where(z_prev is None, -1.0, 10 * (0 if z_prev is None else z_prev) + z + x)

    single = np.asarray(chain.expect(SERIES, of_state, lengths=LENGTHS))
    pairs = np.asarray(chain.expect(SERIES, of_pair, lengths=LENGTHS))
    p = {name: np.asarray(value) for name, value in chain.params.items()}
    for i, length in enumerate(LENGTHS):
        y, total, sums = SERIES[i], 0.0, np.zeros((2, length))
        for path in itertools.product(range(2), repeat=length):
            density = p["first"][path[0]]
            for t, z in enumerate(path):
                density *= np.exp(-p["rate"][z]) * p["rate"][z] ** y[t]
                density *= p["move"][path[t - 1], z] if t else 1.0
            total += density
            sums[0] += density * (p["rate"][list(path)] - y[:length])
            before = [10 * path[t - 1] + z + y[t] if t else -1.0 for t, z in enumerate(path)]
            sums[1] += density * np.array(before)
        np.testing.assert_allclose(single[i, :length], sums[0] / total, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(pairs[i, :length], sums[1] / total, rtol=1e-10, atol=1e-12)
        assert not single[i, length:].any() and not pairs[i, length:].any()


def test_a_loaded_fit_says_the_same(chain, tmp_path):
    chain.save(tmp_path / "fit")
    loaded = jaxem.load(tmp_path / "fit", chain.model)
    wanted = [f.expect(SERIES, lambda p, z, x: z, lengths=LENGTHS) for f in (chain, loaded)]
    np.testing.assert_allclose(*wanted, rtol=1e-12)


def test_mistakes_are_told(parts, chain):
    with pytest.raises(jaxem.DeclarationError, match=r"arguments, function\(params, z, x\); got"):
        parts.expect(ROWS, lambda params, z_prev, z, x: 0.0)
    with pytest.raises(jaxem.DeclarationError, match="KeyError: 'scale'"):
        parts.expect(ROWS, lambda params, z, x: params["scale"])
    with pytest.raises(jaxem.DeclarationError, match=r"or function\(params, z_prev, z, x\)"):
        chain.expect(SERIES, lambda z: z, lengths=LENGTHS)
    with pytest.raises(jaxem.DeclarationError, match="where z_prev is None, and"):
        two = jnp.ones(2)
        chain.expect(SERIES, lambda p, a, z, x: 1.0 if a is None else two, lengths=LENGTHS)
