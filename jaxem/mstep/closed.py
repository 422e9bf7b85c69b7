"""M-steps by a given update."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.algebra.plan import Plan
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.mstep import MStep
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class ClosedForm(MStep):
    """The M-step of a given update.

    Args:
        update: ``update(params, data, responsibilities)``. ``responsibilities`` has shape (n, K)
            and already contains the row weights; ``data`` are the rows, in the declared form,
            perhaps followed by rows without responsibility. It returns a dictionary with the
            parameters that it changes; or, when it stands for a single parameter, the new value.
    """

    update: Callable[..., Any]

    @property
    def trusted(self) -> bool:
        """False: if the objective falls, the run stops with that status."""
        return False

    @property
    def reads_rows(self) -> bool:
        """True: a given update may be no function of sufficient statistics."""
        return True

    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """Apply the update; parameters that it leaves out are unchanged."""
        rows = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), q.batch.rows)
        model = q.model
        new = self.update(model.nest(values), rows, q.responsibilities())
        if not isinstance(new, Mapping):
            if len(names) != 1:
                raise DeclarationError(
                    f"the update must return a dictionary of new parameters; it returned "
                    f"{type(new).__name__}."
                )
            return {**values, names[0]: _like(new, values[names[0]], names[0])}
        changed = dict(_flatten(new))
        unknown = sorted(set(changed) - set(names))
        if unknown:
            raise DeclarationError(
                f"the update returned {unknown[0]!r}, which is not among the parameters that it "
                f"stands for: {', '.join(repr(name) for name in names)}."
            )
        return {**values, **{n: _like(v, values[n], n) for n, v in changed.items()}}


def _flatten(new: Mapping[str, Any], prefix: str = ""):
    for key, value in new.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _like(new: Any, old: Array, name: str) -> Array:
    if jnp.shape(new) != old.shape:
        raise DeclarationError(
            f"the update returned {name!r} with shape {jnp.shape(new)}; expected {old.shape}."
        )
    return jnp.asarray(new, old.dtype)
