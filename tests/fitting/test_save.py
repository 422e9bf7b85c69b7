"""A fit on disk: the same when it comes back, whole or not there at all."""

import jax
import numpy as np
import pytest

import jaxem
from jaxem.fitting import save as saving

from .problem import DATA, fitted, mixture, steps


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.npz"


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_everything_comes_back(path):
    fit = fitted()
    fit.save(path)
    loaded = jaxem.load(path)
    same(loaded.params, fit.params)
    same(loaded.restarts.params, fit.restarts.params)
    for name in ("objective", "log_likelihood", "log_prior", "status", "steps", "gradient_norm"):
        assert getattr(loaded, name) == getattr(fit, name), name
    assert loaded.converged and loaded.rows == fit.rows and loaded.notes == fit.notes
    assert loaded.restarts.status == fit.restarts.status
    assert loaded.restarts.best == fit.restarts.best
    for found, expected in zip(loaded.restarts.traces, fit.restarts.traces, strict=True):
        np.testing.assert_array_equal(found, expected)
    for name in ("objective", "log_likelihood", "steps", "gradient_norm"):
        np.testing.assert_array_equal(getattr(loaded.restarts, name), getattr(fit.restarts, name))
    assert fit.status.sentence in loaded.summary()


def test_with_its_model_it_predicts(path):
    fit = fitted()
    fit.save(path)
    with pytest.raises(jaxem.DeclarationError, match=r"without its model.*jaxem\.load"):
        jaxem.load(path).predict(DATA)
    loaded = jaxem.load(path, mixture())
    np.testing.assert_array_equal(loaded.predict(DATA), fit.predict(DATA))
    np.testing.assert_allclose(
        loaded.responsibilities(DATA), fit.responsibilities(DATA), rtol=1e-12
    )


def test_the_suffix_is_added_and_never_doubled(tmp_path):
    fit = steps(1)
    fit.save(tmp_path / "run.v2")
    fit.save(str(tmp_path / "other.npz"))
    assert {p.name for p in tmp_path.iterdir()} == {"run.v2.npz", "other.npz"}
    assert jaxem.load(tmp_path / "run.v2").steps == 1


def test_a_hard_fit_remembers_that_it_was(path):
    algorithm = jaxem.EM(e_step=jaxem.Hard())
    fit = jaxem.fit(mixture(), DATA, restarts=2, algorithm=algorithm)
    fit.save(path)
    responsibilities = np.asarray(jaxem.load(path, mixture()).responsibilities(DATA))
    assert set(np.unique(responsibilities)) == {0.0, 1.0}


def test_a_failure_leaves_the_old_file_and_no_litter(path, monkeypatch):
    steps(1).save(path)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(saving.np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        steps(2).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["fit.npz"]


def test_what_is_no_fit_is_explained(tmp_path):
    with pytest.raises(jaxem.DeclarationError, match="there is no file"):
        jaxem.load(tmp_path / "nowhere.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(jaxem.DeclarationError, match="not a fit that jaxem saved"):
        jaxem.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(jaxem.DeclarationError, match="not a fit that jaxem saved"):
        jaxem.load(tmp_path / "other.npz")
