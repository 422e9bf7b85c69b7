"""Programs on disk: found again by another process, and no more of them than one wants."""

import os
import subprocess
import sys

import pytest

import jaxem
from jaxem.compiled.folder import make_room

FIT = """
import sys
import jax, jax.numpy as jnp, numpy as np
import jaxem

seen = []
jax.monitoring.register_event_listener(lambda event, **_: seen.append(event.split("/")[-1]))
folder, scale, kind = sys.argv[1], float(sys.argv[2]), sys.argv[3]
print(jaxem.remember(folder))


def log_joint(p, z, x):
    if kind == "callback":
        jax.debug.callback(lambda: None)
    return -jnp.log(2.0) - 0.5 * ((x - p["loc"][z]) / scale) ** 2


class Mine(jaxem.Exact):
    pass


algorithm = jaxem.EM(e_step=Mine()) if kind == "own class" else None
model = jaxem.Model(log_joint, jaxem.Finite(2), {"loc": jaxem.flat((2,))})
fit = jaxem.fit(model, np.arange(9.0, dtype=np.float32), restarts=2, algorithm=algorithm)
print(repr(fit.log_likelihood), fit.status)
print(seen.count("cache_hits"), seen.count("cache_misses"))
print(fit.seconds.trace)
"""

AFTER = """
import sys
import jax, numpy as np
import jaxem

if len(sys.argv) > 1:
    jaxem.remember(sys.argv[1])
jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(0)
rows = np.concatenate([rng.normal(0, 1, 60), rng.normal(5, 2, 60)])[:, None]
model = jaxem.zoo.gaussian_mixture(2, 1)
fit = jaxem.fit(model, rows, restarts=3)
print(repr(np.asarray(fit.predict(rows)).sum()), repr(float(fit.log_density(rows).sum())))
print(repr(np.asarray(fit.errors(rows).covariance).sum()))
sampler = lambda p, key, x: jax.random.normal(key, x.shape) + p["loc"][0]
print(repr(fit.simulate(rows, sampler, key=jax.random.key(1)).latents.sum()))
print(repr(jaxem.cross_validate(model, rows, folds=3).log_likelihood))
print(jaxem.bootstrap(fit, rows, replicates=5))
chain = jaxem.fit(jaxem.zoo.gaussian_chain(2, 1), rows.reshape(4, 30, 1), restarts=2)
print(np.asarray(chain.sample_paths(rows.reshape(4, 30, 1), draws=2)).sum())
"""


def run(folder, scale=1.0, kind="plain"):
    command = [sys.executable, "-c", FIT, str(folder), str(scale), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    place, found, counted, traced = done.stdout.splitlines()
    assert place == str(folder)
    return found, tuple(map(int, counted.split())), float(traced)


def test_another_process_traces_and_compiles_nothing(tmp_path):
    folder = tmp_path / "programs"
    found, (hits, misses), traced = run(folder)
    assert misses > 0 and traced > 0
    again, (hits, misses), traced = run(folder)
    assert hits > 0 and misses == 0
    assert traced == 0.0
    assert again == found


@pytest.mark.long
def test_all_that_follows_a_fit_is_the_same(tmp_path):
    runs = [
        subprocess.run([sys.executable, "-c", AFTER, *folder], capture_output=True, text=True)
        for folder in ([], [str(tmp_path)], [str(tmp_path)])
    ]
    assert not any(run.returncode for run in runs), runs[-1].stderr
    assert runs[0].stdout == runs[1].stdout == runs[2].stdout


def test_another_declaration_finds_programs_of_its_own(tmp_path):
    one, _, _ = run(tmp_path)
    other, _, traced = run(tmp_path, scale=2.0)
    assert other != one
    assert traced > 0


@pytest.mark.parametrize("kind", ["own class", "callback"])
def test_what_only_one_process_knows_is_traced_anew(tmp_path, kind):
    found, _, _ = run(tmp_path, kind=kind)
    again, _, traced = run(tmp_path, kind=kind)
    assert again == found
    assert traced > 0


def test_half_a_file_is_written_again(tmp_path):
    found, _, _ = run(tmp_path)
    kept = list(tmp_path.glob("*-traced"))
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    again, _, traced = run(tmp_path)
    assert again == found and traced > 0
    assert run(tmp_path)[2] == 0.0


def test_the_oldest_go_first(tmp_path):
    for age, name in enumerate(["a-cache", "b-traced", "c-cache", "d-cache"]):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "other").write_bytes(bytes(1000))
    make_room(tmp_path, 250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-cache", "b-traced", "other"]


def test_mistakes_are_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(jaxem.DeclarationError, match="cannot be made"):
        jaxem.remember(blocked / "inside")
    with pytest.raises(jaxem.DeclarationError, match="number of bytes"):
        jaxem.remember(tmp_path, limit=0)
