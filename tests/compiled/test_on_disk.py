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
print(jaxem.remember(sys.argv[1]))
log_joint = lambda p, z, x: -jnp.log(2.0) - 0.5 * (x - p["loc"][z]) ** 2
model = jaxem.Model(log_joint, jaxem.Finite(2), {"loc": jaxem.flat((2,))})
jaxem.fit(model, np.arange(9.0, dtype=np.float32), restarts=2)
print(seen.count("cache_hits"), seen.count("cache_misses"))
"""


def run(folder):
    command = [sys.executable, "-c", FIT, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    place, counted = done.stdout.splitlines()
    assert place == str(folder)
    return tuple(map(int, counted.split()))


def test_another_process_compiles_nothing(tmp_path):
    folder = tmp_path / "programs"
    hits, misses = run(folder)
    assert misses > 0
    hits, misses = run(folder)
    assert hits > 0 and misses == 0


def test_the_oldest_go_first(tmp_path):
    for age, name in enumerate("abcd"):
        path = tmp_path / f"{name}-cache"
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "other").write_bytes(bytes(1000))
    make_room(tmp_path, 250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-cache", "b-cache", "other"]


def test_mistakes_are_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(jaxem.DeclarationError, match="cannot be made"):
        jaxem.remember(blocked / "inside")
    with pytest.raises(jaxem.DeclarationError, match="number of bytes"):
        jaxem.remember(tmp_path, limit=0)
