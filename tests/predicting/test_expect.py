"""Conditional expectations and modes against sums over all states, and over all paths."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem

from .problem import LENGTHS, ROWS, SERIES, chain, of_parts, parts


def joints(fit, x):
    """The joint density of a row at the states that are possible, by hand."""
    p, out = fit.params, {}
    for a, b in [(0, 0), (0, 1), (1, 1)]:
        here = p["loc"][a] + p["shift"][b]
        out[a, b] = p["share"][a, b] * np.exp(-((x - here) ** 2) / 2)
    return out


def test_rows_are_expected_as_sums_over_states():
    def wanted(params, z, x):
        surprise = -of_parts(params, z, x)  # infinite where it cannot be
        return {"left": z["left"], "both": (surprise, params["loc"] * (x + z["right"]))}

    found = parts().expect(ROWS, wanted)
    assert found["left"].shape == (5,) and found["both"][1].shape == (5, 2)
    loc = parts().params["loc"]
    for i, x in enumerate(ROWS):
        joint = joints(parts(), x)
        total = sum(joint.values())
        left = sum(a * v for (a, _), v in joint.items()) / total
        right = sum(b * v for (_, b), v in joint.items()) / total
        logs = {z: np.log(v) - np.log(2 * np.pi) / 2 for z, v in joint.items()}
        surprise = -sum(logs[z] * v for z, v in joint.items()) / total
        assert found["left"][i] == pytest.approx(left, rel=1e-12)
        assert found["both"][0][i] == pytest.approx(surprise, rel=1e-12)
        np.testing.assert_allclose(found["both"][1][i], loc * (x + right), rtol=1e-12)


def test_the_mode_of_parts_is_the_joint_one():
    found = parts().predict(ROWS)
    assert set(found) == {"left", "right"}
    for i, x in enumerate(ROWS):
        joint = joints(parts(), x)
        assert (int(found["left"][i]), int(found["right"][i])) == max(joint, key=joint.__getitem__)


def test_steps_are_expected_as_sums_over_paths():
    def of_state(params, z, x):
        return params["rate"][z] - x

    def of_pair(params, z_prev, z, x):
        return jnp.where(z_prev is None, -1.0, 10 * (0 if z_prev is None else z_prev) + z + x)

    single = np.asarray(chain().expect(SERIES, of_state, lengths=LENGTHS))
    pairs = np.asarray(chain().expect(SERIES, of_pair, lengths=LENGTHS))
    p = {name: np.asarray(value) for name, value in chain().params.items()}
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


def test_mistakes_are_told():
    with pytest.raises(jaxem.DeclarationError, match=r"arguments, function\(params, z, x\); got"):
        parts().expect(ROWS, lambda params, z_prev, z, x: 0.0)
    with pytest.raises(jaxem.DeclarationError, match="KeyError: 'scale'"):
        parts().expect(ROWS, lambda params, z, x: params["scale"])
    with pytest.raises(jaxem.DeclarationError, match=r"or function\(params, z_prev, z, x\)"):
        chain().expect(SERIES, lambda z: z, lengths=LENGTHS)
    with pytest.raises(jaxem.DeclarationError, match="where z_prev is None, and"):
        two = jnp.ones(2)
        chain().expect(SERIES, lambda p, a, z, x: 1.0 if a is None else two, lengths=LENGTHS)
