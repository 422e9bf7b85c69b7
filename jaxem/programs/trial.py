"""Choice of the layout, by evaluating the program on all data and row by row.

A layout is accepted when the log joint of every datum (of a few thousand, where there are more), at
random parameters and hidden states, is the same both ways.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.numerics.rows import take_rows
from jaxem.programs.anatomy import STEPS, Anatomy
from jaxem.programs.arguments import Arguments
from jaxem.programs.datum import Datum, StepOfChain
from jaxem.programs.layout import Layout, layouts
from jaxem.programs.run import TRACER_ERRORS, run
from jaxem.programs.states import States
from jaxem.supports import support_of
from jaxem.types import DeclarationError

_TRIALS = 2
_ROWS = 4096


def find_datum(arguments: Arguments, anatomy: Anatomy, states: States) -> Datum:
    """The log joint of one row, checked against the program on all data.

    Args:
        arguments: The arguments of a call with all data.
        anatomy: The parts of the program.
        states: Its hidden states.

    Raises:
        DeclarationError: If no choice of axes reproduces the program.
    """
    trials = [_Reference(anatomy, states, np.random.default_rng(i)) for i in range(_TRIALS)]
    clock = _clock(arguments, anatomy, trials)
    complaint = ""
    for layout in layouts(arguments, anatomy.sizes, clock):
        rows = layout.rows(arguments)
        for reading in layout.readings():
            datum = (StepOfChain if anatomy.scans else Datum)(anatomy, states, reading)
            joints = _joints(datum)
            wrong = next(filter(None, (trial.complaint(joints, rows) for trial in trials)), None)
            if wrong is None:
                return datum
            complaint = complaint or f"{_layout_words(layout)}, {wrong}"
            if not reading.read and not wrong.startswith(_READS):
                break
    raise DeclarationError(_refusal(arguments, anatomy, complaint))


_READS = "the program asks for the value of a row"
_ADVICE = (
    "numpy.max(x) of an argument is understood, but then x goes through jnp.asarray(x) before it "
    "is an index; or make the size an argument"
)


class _Reference:
    """The log joint of every datum from the program on all data, at random values."""

    def __init__(self, anatomy: Anatomy, states: States, rng: np.random.Generator):
        count = anatomy.count
        sizes = tuple(anatomy.sizes.values())
        chosen = rng.integers(states.latent.size, size=count)
        self.values = {s.name: jnp.asarray(_scattered(s, rng)) for s in anatomy.parameters}
        self.hidden = states.values_of_all(chosen, sizes)
        found = anatomy.densities({**self.values, **self.hidden})
        rows = np.arange(count)
        self.rows = rows if count <= _ROWS else np.sort(rng.choice(rows, _ROWS, replace=False))
        self.expected = _said(found, anatomy).ravel()[self.rows]
        grid = states.latent.states()
        now, before = (
            jax.tree.map(lambda s, at=at: s[chosen[at]], grid) for at in (self.rows, self.rows - 1)
        )
        self.states = (now,)
        if anatomy.scans:
            self.states = self.rows % anatomy.sizes[STEPS] == 0, before, now

    def complaint(self, joints: Any, rows: Any) -> str | None:
        """The first failure or difference of the evaluation row by row, in words; else None."""
        try:
            found = np.asarray(joints(self.values, *self.states, take_rows(rows, self.rows)))
        except DeclarationError:
            raise
        except TRACER_ERRORS as error:
            return f"{_READS} ({_first_line(error)}): {_ADVICE}"
        except Exception as error:  # a user's code on a wrong layout may raise anything
            return f"the program fails with {type(error).__name__}: {_first_line(error)}"
        largest = np.abs(self.expected[np.isfinite(self.expected)]).max(initial=0)
        slack = 1e4 * np.finfo(found.dtype).eps * (1 + largest)
        close = np.isclose(found, self.expected, rtol=0, atol=slack, equal_nan=True)
        if close.all():
            return None
        worst = int(np.argmin(close))
        return (
            f"the log joint of datum {self.rows[worst]} is {found[worst]:.6g} by itself and "
            f"{self.expected[worst]:.6g} among all data"
        )


def _joints(datum: Datum) -> Any:
    """The log joint of many rows, each with its states, as one compiled program."""
    if not isinstance(datum, StepOfChain):
        return CompiledProgram(jax.vmap(datum, in_axes=(None, 0, 0)), "log joint")

    def step(values, is_first, before, now, row):
        return jnp.where(is_first, datum(values, None, now, row), datum(values, before, now, row))

    return CompiledProgram(jax.vmap(step, in_axes=(None, 0, 0, 0, 0)), "log joint")


def _clock(arguments: Arguments, anatomy: Anatomy, trials: list[_Reference]) -> list[int]:
    """Positions of the carried values of a scan that depend on time, and not on hidden values."""
    if not anatomy.scans:
        return []
    one, other = (run(arguments.call(), {**t.values, **t.hidden}).carries for t in trials)
    return [
        position
        for position, (a, b) in enumerate(zip(one, other, strict=True))
        if np.array_equal(a, b) and np.any(a != a[:1])
    ]


def _said(found: dict[str, np.ndarray], anatomy: Anatomy) -> np.ndarray:
    """Log joint of every datum, or step, of the program on all data: the sum over its sites."""
    names = sorted(anatomy.inner)
    steps = [name for name in names if anatomy.whole.sites[name].scanned]
    once = [_by_datum(found[name], anatomy) for name in names if name not in steps]
    total = np.asarray(sum(once, np.zeros(())))
    if not anatomy.scans:
        return total
    plates = tuple(anatomy.sizes.values())[:-1]
    by_step = [np.stack([_by_datum(step, anatomy) for step in found[n]], -1) for n in steps]
    later = np.sum(by_step, axis=0)
    if anatomy.first:
        return np.concatenate([np.broadcast_to(total, plates)[..., None], later], -1)
    later[..., 0] += total
    return later


def _scattered(site: Any, rng: np.random.Generator) -> Any:
    """A random value of a parameter, about the centre of its support."""
    support = support_of(site.support)
    middle = support.center(np.shape(site.value))
    if not support.has_chart:
        return middle
    return support.from_real(support.to_real(middle) + 0.5 * rng.normal(size=middle.shape))


def _by_datum(density: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Log densities of a site summed to one for each datum, by plate."""
    at = tuple(anatomy.plates.values())
    deepest = max((-dim for dim in at), default=0)
    wide = density.reshape((1,) * (deepest - density.ndim) + density.shape)
    kept = tuple(dim % wide.ndim for dim in at)
    added = wide.sum(tuple(axis for axis in range(wide.ndim) if axis not in kept))
    return added.transpose(np.argsort(np.argsort(kept)))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def _layout_words(layout: Layout) -> str:
    axes = [
        f"{label!r} along axis {', '.join(str(a) for a in axes if a is not None)}"
        for label, axes in layout.axes.items()
    ]
    return f"with the data in {', '.join(axes)}"


def _refusal(arguments: Arguments, anatomy: Anatomy, complaint: str) -> str:
    plates = " and ".join(f"{name!r} of size {size}" for name, size in anatomy.sizes.items())
    if not complaint:
        shapes = {
            label: leaf.shape
            for label, leaf in zip(arguments.labels, arguments.leaves, strict=True)
            if isinstance(leaf, np.ndarray)
        }
        return (
            f"no argument of the program has an axis along the plate {plates}; the arrays given "
            f"are {shapes or 'none'}. Pass the data as arguments of the program, one entry of "
            f"an axis a datum, rather than as variables from outside."
        )
    if anatomy.scans:
        return (
            f"the program cannot be evaluated one step at a time: {complaint}. A step may depend "
            f"on the states of the step before, on the entries of the arguments at this step, and "
            f"on what the scan carries whatever the states are (a count of time, a lag of the "
            f"data); states of earlier steps, and sums over states, it may not. A chain of second "
            f"order is declared by hand, with jaxem.Chain(now=K, before=K)."
        )
    return (
        f"the program cannot be evaluated one datum at a time (a datum is one element of the plate "
        f"{plates}): {complaint}. Every array with one entry a datum has to be an argument of the "
        f"program; what is computed from all data at once (a mean, a sort) has to be computed "
        f"before, and passed as an argument."
    )
