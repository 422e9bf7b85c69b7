"""Checks of array indices in a log joint: past the end, negative, or entries never reached."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.compiled.programs import Programs
from jaxem.model.declaration import asked_by_prior, check_call
from jaxem.model.known import known_of
from jaxem.model.model import Model
from jaxem.model.ordinary import ordinary_values, row_words
from jaxem.numerics.rows import row_count, take_rows
from jaxem.traces.bounds import DATA, NEGATIVE, STATE, Read, Reads
from jaxem.types import Array, Data, DeclarationError

_BLOCK = 4096
_SUSPECTS = 64


def check_indices(model: Model, rows: Data, starts: np.ndarray | None = None) -> None:
    """Check every index with which the log joint reads an array, for all rows and states.

    An index out of range is no mistake where the log joint does not depend on the value read, as
    in ``jnp.where(seen, table[x], 0.0)``, nor in a branch of the log joint that is never evaluated
    at the row: the first step of a sequence has no transition.

    Args:
        model: The declared model.
        rows: Rows, NumPy leaves.
        starts: For steps of sequences, which of them begin one, (n,).

    Raises:
        DeclarationError: If an index is past the end of an array, or negative through the data; or
            if a parameter has entries that no state reaches.
    """
    row = take_rows(rows, 0)
    check_call(model, row)
    known = known_of(model, rows)
    if known.indices is None:
        known.indices = _Indices(known.model, row, known.identity("indices"))
    known.indices.check(rows, starts)


class _Indices:
    """The indexed reads of a log joint for rows of one shape, and programs that check them."""

    def __init__(self, model: Model, row: Data, identity: bytes | None):
        dtype = jnp.result_type(float)
        self._model = model
        self._values = {k: np.asarray(v[1], dtype) for k, v in ordinary_values(model, 2).items()}
        self._names = sorted(self._values)
        self._reads = model.indexed(self._values, row)
        self._programs = Programs(identity)

    def _flags(self, rows: Data) -> Any:
        flags = self._programs.compiled("indices", lambda rows: self._over_rows(Reads.flags, rows))
        return flags(rows)

    def _otherwise(self, rows: Data) -> Any:
        def both(rows: Data) -> Any:
            return self._over_rows(Reads.otherwise, rows)

        return self._programs.compiled("other entries", both)(rows)

    def check(self, rows: Data, starts: np.ndarray | None) -> None:
        if not any(reads.all for reads in self._reads):
            return
        by_data = any(reads.by_data for reads in self._reads)
        count, first = row_count(rows) if by_data else 1, True
        for start in range(0, count, _BLOCK):
            index = np.arange(start, start + (_BLOCK if by_data else 1))
            index = np.where(index < count, index, 0)
            found = [np.asarray(part) for part in self._flags(take_rows(rows, index))]
            for branch, part in enumerate(found):
                # Indices that depend on states alone are checked at a single row.
                alone = starts is None or not by_data
                met = True if alone else np.asarray(starts)[index] == (branch == 0)
                self._check_flags(branch, part, met, take_rows(rows, index))
            if first:
                self._check_reach([part[0] for part in found])
            first = False

    def _over_rows(self, method: Any, rows: Data) -> Any:
        def of_branch(reads: Reads) -> Any:
            def flat(*args: Any) -> Array:
                out = method(reads, *jax.tree.leaves(args))
                return jnp.stack(out) if isinstance(out, tuple) else out

            return flat

        return self._model.over_configurations(
            list(map(of_branch, self._reads)), self._values, rows
        )

    def _check_flags(self, branch: int, part: np.ndarray, met: Any, rows: Data) -> None:
        """Raise for the first index out of range on which the log joint of a row depends.

        Args:
            branch: Which branch of the log joint.
            part: Its flags and reached indices, (n, C, ...).
            met: Which rows are evaluated in this branch, (n,).
            rows: The rows.
        """
        flags = part[..., : len(self._reads[branch].all)]
        suspects = np.flatnonzero(flags.any((1, 2)) & met)
        for start in range(0, len(suspects), _SUSPECTS):
            some = suspects[start : start + _SUSPECTS]
            padded = np.resize(some, _SUSPECTS)
            both = np.asarray(self._otherwise(take_rows(rows, padded))[branch])[: len(some)]
            same = np.isclose(both[..., 0], both[..., 1], rtol=1e-5, atol=1e-6, equal_nan=True)
            wrong = flags[some].any(2) & ~same
            if wrong.any():
                self._raise(branch, flags[some], wrong, take_rows(rows, some))

    def _raise(self, branch: int, flags: np.ndarray, wrong: np.ndarray, rows: Data) -> None:
        states = np.flatnonzero(wrong.all(0))
        row = int(wrong.any(1).argmax())
        configuration = int(states[0]) if len(states) else int(wrong[row].argmax())
        place = int((flags[row, configuration] != 0).argmax())
        read = self._reads[branch].all[place]
        array = f"an array of shape {read.shape}{self._made_of(read)}"
        words = row_words(take_rows(rows, row))
        if DATA not in read.axes.values():
            raise DeclarationError(
                f"log_joint reads {array} past its end in "
                f"{self._state_words(branch, configuration)}; JAX does not complain of an index "
                f"past the end, and reads the last entry. The array has fewer entries than there "
                f"are states to index it with; give the parameter one for each of them."
            )
        if flags[row, configuration, place] & NEGATIVE:
            raise DeclarationError(
                f"log_joint reads {array} at a negative index for the row {words}, and that entry "
                f"is counted from the end of the array. Code categories as 0, 1, 2, ...; if the "
                f"code stands for a missing value, leave it out: "
                f"jnp.where(x >= 0, log_density, 0.0)."
            )
        raise DeclarationError(
            f"log_joint reads {array} past its end for the row {words}; JAX does not complain of "
            f"an index past the end, and reads the last entry. Codes go from 0 to one less than "
            f"the number of entries: do these begin at 1, or is there a category more than the "
            f"parameter has entries?"
        )

    def _check_reach(self, parts: list[np.ndarray]) -> None:
        """Raise for a parameter indexed by the latent state that has more entries than states."""
        used_by_prior = asked_by_prior(self._model)
        for place, name in enumerate(self._names):
            p = self._model.parameter(name)
            mine = [
                (branch, read)
                for branch, reads in enumerate(self._reads)
                for read in reads.all
                if place in read.inputs
            ]
            alone = all(r.shape == p.shape and len(r.inputs) == 1 for _, r in mine)
            if not mine or not alone or p.path[0] in used_by_prior:
                continue
            if not all(reads.avoids(place) for reads in self._reads):
                continue
            for axis, size in enumerate(p.shape):
                if all(axis in r.columns and r.axes[axis] == STATE for _, r in mine):
                    reached = [self._column(parts, branch, r.columns[axis]) for branch, r in mine]
                    self._check_axis(name, p.shape, axis, np.unique(np.concatenate(reached)), size)

    def _column(self, parts: list[np.ndarray], branch: int, column: int) -> np.ndarray:
        return parts[branch][:, len(self._reads[branch].all) + column]

    def _check_axis(
        self, name: str, shape: tuple[int, ...], axis: int, reached: np.ndarray, size: int
    ) -> None:
        unread = np.setdiff1d(np.arange(size), reached)
        if len(unread):
            raise DeclarationError(
                f"the parameter {name!r} has shape {shape}, and the latent states of "
                f"{self._model.latent!r} reach {size - len(unread)} of the {size} entries along "
                f"axis {axis}; no state ever reads entry {', '.join(map(str, unread[:5]))}. Give "
                f"it one entry for each state."
            )

    def _made_of(self, read: Read) -> str:
        names = [self._names[i] for i in sorted(read.inputs) if i < len(self._names)]
        return f" made of {', '.join(map(repr, names))}" if names else ""

    def _state_words(self, branch: int, configuration: int) -> str:
        of_branch = [z for z in self._model.latent.branches()[branch] if z is not None]
        sizes = [len(jax.tree.leaves(z)[0]) for z in of_branch]
        at = np.unravel_index(configuration, sizes)
        words = [
            _one_state(jax.tree.map(lambda leaf, i=i: int(leaf[i]), z))
            for z, i in zip(of_branch, at, strict=True)
        ]
        return f"latent state {words[0]}" if len(words) == 1 else f"states {' to '.join(words)}"


def _one_state(z: Any) -> str:
    return ", ".join(f"{k} = {v}" for k, v in z.items()) if isinstance(z, Mapping) else str(z)
