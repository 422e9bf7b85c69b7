"""What a person waits for: seconds and compiled programs of first calls, in fresh processes."""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import numpy as jnp
from numpyro.distributions import constraints

import jaxem
from benchmarks.report import figure, publish, table

ROOT = Path(__file__).parents[1]
HEAD = ("call", "seconds (range)", "programs compiled")

#: Names of calls, and what is called; the calls of one problem follow one another.
Calls = Iterator[tuple[str, Callable[[], Any]]]


def old_faithful() -> Calls:
    """The calls of a first session with Old Faithful, full covariances."""
    geyser = jaxem.datasets.old_faithful()
    rows = np.column_stack([geyser.eruptions, geyser.waiting])
    model = jaxem.zoo.gaussian_mixture(2, 2)
    fits = []
    yield "first fit, 64 restarts", lambda: fits.append(jaxem.fit(model, rows, restarts=64))
    yield "the same again", lambda: jaxem.fit(model, rows, restarts=64)
    again = jaxem.zoo.gaussian_mixture(2, 2)
    yield "the model declared again", lambda: jaxem.fit(again, rows, restarts=64)
    yield "other rows, 20 fewer", lambda: jaxem.fit(model, rows[20:], restarts=64)
    yield "60 restarts", lambda: jaxem.fit(model, rows, restarts=60)
    yield "errors", lambda: fits[0].errors(rows)
    yield "errors again", lambda: fits[0].errors(rows)
    yield "5-fold cross-validation", lambda: jaxem.cross_validate(model, rows, folds=5)
    yield "bootstrap, 20 replicates", lambda: jaxem.bootstrap(fits[0], rows, replicates=20)


def from_disk() -> Calls:
    """The first fit of a process that finds its programs on disk."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.latency", "--one", "remembered", folder]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        jaxem.remember(folder)
        _, call = next(iter(old_faithful()))
        yield "first fit, programs from disk", call


def selection() -> Calls:
    """One to eight components."""
    geyser = jaxem.datasets.old_faithful()
    rows = np.column_stack([geyser.eruptions, geyser.waiting])
    declare = functools.cache(lambda size: jaxem.zoo.gaussian_mixture(size, 2))
    run = functools.partial(jaxem.select, declare, range(1, 9), rows, restarts=20)
    yield "select(range(1, 9)), 20 restarts", run
    yield "the same again", run


def classes() -> Calls:
    """Latent classes with 20 items of two to six levels."""
    rng = np.random.default_rng(0)
    levels = [2 + item % 5 for item in range(20)]
    group = rng.integers(0, 3, 1000)
    rows = np.stack([(rng.integers(0, n, 1000) + group) % n for n in levels], 1)
    model = jaxem.zoo.latent_classes(3, levels)
    yield "latent classes, 20 items of unequal levels", lambda: jaxem.fit(model, rows)


def chain() -> Calls:
    """A chain of eight states with normals of four dimensions."""
    rng = np.random.default_rng(0)
    states = rng.integers(0, 8, (5, 200)).cumsum(1) // 40 % 8
    rows = 3.0 * rng.normal(size=(8, 4))[states] + rng.normal(size=(5, 200, 4))
    model = jaxem.zoo.gaussian_chain(8, 4)
    yield "chain, S=8 D=4", lambda: jaxem.fit(model, rows, max_steps=50)


def program() -> Calls:
    """A mixture as a NumPyro program."""

    def mixture(x: Any) -> None:
        weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(3)))
        loc = numpyro.sample("loc", dist.Normal(0.0, 10.0).expand((3,)).to_event(1))
        with numpyro.plate("rows", len(x)):
            z = numpyro.sample("z", dist.Categorical(weights))
            numpyro.sample("x", dist.Normal(loc[z], 1.0), obs=x)

    rng = np.random.default_rng(0)
    rows = rng.normal(size=300) + 5 * rng.integers(0, 3, 300)
    fit = functools.partial(jaxem.fit, jaxem.from_numpyro(mixture), rows, restarts=8)
    yield "NumPyro mixture", fit


def zero_inflated() -> Calls:
    """Two zero-inflated negative binomials."""

    def log_joint(params: Any, z: Any, x: Any) -> Any:
        count = dist.NegativeBinomial2(params["mean"][z], params["size"][z])
        density = dist.ZeroInflatedDistribution(count, gate=params["gate"][z])
        return jnp.log(params["weights"][z]) + density.log_prob(x)

    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "mean": jaxem.flat((2,), constraints.positive),
        "size": jaxem.flat((2,), constraints.positive),
        "gate": jaxem.flat((2,), constraints.unit_interval),
    }
    rng = np.random.default_rng(0)
    rate = np.where(rng.random(1000) < 0.5, rng.gamma(3, 1, 1000), rng.gamma(20, 1, 1000))
    rows = np.where(rng.random(1000) < 0.2, 0, rng.poisson(rate))
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    yield "zero-inflated negative binomial", lambda: jaxem.fit(model, rows, restarts=4)


def regression() -> Calls:
    """A mixture of regressions of three responses on 13 columns."""

    def log_joint(params: Any, z: Any, row: Any) -> Any:
        mean = row["x"] @ params["slope"][z]
        density = dist.Normal(mean, params["scale"][z]).log_prob(row["y"])
        return jnp.log(params["weights"][z]) + density.sum()

    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "slope": jaxem.flat((2, 13, 3)),
        "scale": jaxem.flat((2, 3), constraints.positive),
    }
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 13))
    slope = rng.normal(size=(2, 13, 3))[rng.integers(0, 2, 1000)]
    rows = {"x": x, "y": np.einsum("ni,nij->nj", x, slope) + rng.normal(size=(1000, 3))}
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    yield "regression of 3 on 13 columns", lambda: jaxem.fit(model, rows)


PROBLEMS = {
    "old_faithful": old_faithful,
    "from_disk": from_disk,
    "selection": selection,
    "classes": classes,
    "chain": chain,
    "program": program,
    "zero_inflated": zero_inflated,
    "regression": regression,
}
SMALL = ("old_faithful",)


def measure(calls: Calls) -> Iterator[tuple[str, float, int]]:
    """Name, seconds and programs compiled of each call, one after another."""
    compiled: list[str] = []

    def listen(event: str, _: float, **told: Any) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(str(told.get("fun_name", "")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    for name, call in calls:
        compiled.clear()
        began = time.perf_counter()
        call()
        yield name, time.perf_counter() - began, len(compiled)


def in_process(problem: str) -> list[tuple[str, float, int]]:
    """The calls of a problem in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.latency", "--one", problem]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="processes (default 5)")
    options.add_argument("--small", action="store_true", help="Old Faithful once, nothing kept")
    options.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    given = options.parse_args()
    jax.config.update("jax_enable_x64", True)
    if given.one:
        problem, *folder = given.one
        if folder:
            jaxem.remember(folder[0])
        print(json.dumps(list(measure(PROBLEMS.get(problem, old_faithful)()))))
        return
    rows = []
    for problem in SMALL if given.small else PROBLEMS:
        runs = [in_process(problem) for _ in range(1 if given.small else given.repeats)]
        for seen in zip(*runs, strict=True):
            (name, *_), seconds = seen[0], [second for _, second, _ in seen]
            span = f"{figure(median(seconds))} ({figure(min(seconds))} to {figure(max(seconds))})"
            rows.append([name, span, str(seen[0][2])])
            print(*rows[-1], sep="  ", file=sys.stderr)
    if given.small:
        print(table(HEAD, rows))
        return
    publish("latency", f"--repeats {given.repeats}", ["numpy"], table(HEAD, rows))


if __name__ == "__main__":
    main()
