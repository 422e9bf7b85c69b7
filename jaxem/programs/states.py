"""The hidden states of a datum: its discrete sites, each with the values of its support."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.latent import Finite
from jaxem.programs.anatomy import Anatomy
from jaxem.programs.run import Site
from jaxem.types import DeclarationError, State

#: The largest table of joint states of one datum.
LARGEST_TABLE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """One discrete site, in one datum.

    Attributes:
        name: Its name.
        values: The values of its support, (K,).
        shape: Its batch shape in one datum, the plates of the data having size 1.
        dims: Dimensions of the plates of the data, from the right, outermost first.
    """

    name: str
    values: np.ndarray
    shape: tuple[int, ...]
    dims: tuple[int, ...]

    @property
    def labels(self) -> list[str]:
        """Names of its entries in one datum: its own, or with an index for each of several."""
        count = math.prod(self.shape)
        return [self.name] if count == 1 else [f"{self.name}[{i}]" for i in range(count)]

    def value(self, states: list[Any]) -> Any:
        """Its value in one datum, from the state of each entry."""
        return jnp.asarray(self.values)[jnp.stack(states)].reshape(self.shape)

    def value_of_all(self, states: np.ndarray, sizes: tuple[int, ...]) -> Any:
        """Its value in all data, in plates of these sizes, from the states (n, entries)."""
        at = [dim % len(self.shape) for dim in self.dims]
        rest = [axis for axis in range(len(self.shape)) if axis not in at]
        ordered = self.values[states].reshape(*sizes, *(self.shape[axis] for axis in rest))
        return jnp.asarray(np.transpose(ordered, np.argsort([*at, *rest])))


class States:
    """All discrete sites of a datum.

    Args:
        anatomy: What the program is made of.

    Attributes:
        parts: The sites.
        latent: Their joint states: ``Finite(K)`` for a single one, else by name.

    Raises:
        DeclarationError: If a support is not finite, or there are too many joint states.
    """

    def __init__(self, anatomy: Anatomy):
        self.parts = tuple(_part(site, anatomy) for site in anatomy.discrete)
        sizes = {label: len(p.values) for p in self.parts for label in p.labels}
        total = math.prod(sizes.values())
        if total > LARGEST_TABLE:
            raise DeclarationError(
                f"a datum has {total:,} joint hidden states, more than {LARGEST_TABLE:,}: "
                f"{', '.join(map(_size_words, self.parts))}. Give each datum fewer: put sites "
                f"that are independent given the parameters in a plate of data of their own."
            )
        self._single = len(sizes) == 1
        self.latent = Finite(total) if self._single else Finite(**sizes)

    def values(self, z: State) -> dict[str, Any]:
        """Values of the sites in one datum, from one joint state."""
        by_label = {self.parts[0].name: z} if self._single else z
        return {p.name: p.value([by_label[label] for label in p.labels]) for p in self.parts}

    def values_of_all(self, states: np.ndarray, sizes: tuple[int, ...]) -> dict[str, Any]:
        """Values of the sites in all data.

        Args:
            states: Index of the joint state of each datum, (n,).
            sizes: Sizes of the plates of the data, outermost first; their product is n.
        """
        grid = self.latent.states()
        by_label = {self.parts[0].name: grid} if self._single else grid
        return {
            p.name: p.value_of_all(np.stack([by_label[k][states] for k in p.labels], -1), sizes)
            for p in self.parts
        }


def _part(site: Site, anatomy: Anatomy) -> Part:
    try:
        values = np.asarray(site.fn.enumerate_support(expand=False))
    except NotImplementedError as error:
        raise DeclarationError(
            f"the hidden site {site.name!r} ({site.family}, {site.support}) has no "
            f"finite list of values to sum over, the same for every datum{_why(error)}. Use a "
            f"distribution with finitely many states, for instance dist.Categorical over the "
            f"values up to a bound, and one site an entry instead of to_event."
        ) from None
    shape = list(site.fn.batch_shape)
    for dim in anatomy.plates.values():
        shape[dim] = 1
    return Part(site.name, values.ravel(), tuple(shape), tuple(anatomy.plates.values()))


def _why(error: Exception) -> str:
    said = str(error).strip()
    return f" ({said})" if said else ""


def _size_words(part: Part) -> str:
    count, size = len(part.labels), len(part.values)
    several = f" in each of {count} entries" if count > 1 else ""
    return f"{part.name!r} has {size} states{several}"
