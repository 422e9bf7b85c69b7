"""The hidden states of a datum: its discrete sites, each with the values of its support."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.latent import Chain, Finite
from jaxem.programs.anatomy import Anatomy
from jaxem.programs.run import Site
from jaxem.types import DeclarationError, State

#: The largest table of joint states of one datum.
LARGEST_TABLE = 4096

#: The most joint states of a step of a chain, of which there are pairs.
LARGEST_CHAIN = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """One discrete site of a datum.

    Attributes:
        name: Its name.
        values: The values of its support, (K,).
        shape: Its batch shape in one datum, the plates of the data having size 1.
        dims: Dimensions of the plates of the data, from the right, outermost first.
        scanned: Whether it has a value at every step of a scan.
    """

    name: str
    values: np.ndarray
    shape: tuple[int, ...]
    dims: tuple[int, ...]
    scanned: bool

    @property
    def labels(self) -> list[str]:
        """Names of its entries in one datum: its own, or with an index for each of several."""
        count = math.prod(self.shape)
        return [self.name] if count == 1 else [f"{self.name}[{i}]" for i in range(count)]

    def value(self, states: list[Any]) -> Any:
        """Its value in one datum, from the state of each entry."""
        return jnp.asarray(self.values)[jnp.stack(states)].reshape(self.shape)

    def value_of_all(self, states: np.ndarray) -> Any:
        """Its value in all data, from states (*plates, entries), or (time, *plates, entries)."""
        lead = int(self.scanned)
        at = [dim % len(self.shape) for dim in self.dims]
        rest = [axis for axis in range(len(self.shape)) if axis not in at]
        outer = states.shape[: lead + len(at)]
        ordered = self.values[states].reshape((*outer, *(self.shape[axis] for axis in rest)))
        axes = [lead + axis for axis in np.argsort([*at, *rest])]
        return jnp.asarray(np.transpose(ordered, [*range(lead), *axes]))


class States:
    """All discrete sites of a datum.

    Args:
        anatomy: The parts of the program.

    Attributes:
        parts: The sites; of a chain, those of a step.
        first: Of a chain, the sites before the scan that hold its first state.
        latent: Their joint states: ``Finite(K)`` for a single one, else by name; or a `Chain`.

    Raises:
        DeclarationError: If a support is not finite, or there are too many joint states.
    """

    def __init__(self, anatomy: Anatomy):
        self.parts = tuple(_part(site, anatomy) for site in anatomy.discrete)
        sizes = {label: len(p.values) for p in self.parts for label in p.labels}
        total = math.prod(sizes.values())
        largest = LARGEST_CHAIN if anatomy.scans else LARGEST_TABLE
        if total > largest:
            raise DeclarationError(
                f"a datum has {total:,} joint hidden states, more than {largest:,}: "
                f"{', '.join(map(_size_words, self.parts))}. Give each datum fewer: put sites "
                f"that are independent given the parameters in a plate of data of their own."
            )
        self.first = tuple(_part(site, anatomy) for site in anatomy.first)
        for before, inside in zip(self.first, self.parts, strict=False):
            _check_same(before, inside)
        self._single = len(sizes) == 1
        kind = Chain if anatomy.scans else Finite
        self.latent = kind(total) if self._single else kind(**sizes)

    def values(self, z: State) -> dict[str, Any]:
        """Values of the sites in one datum, or step, from one joint state."""
        entries = self._entries(z)
        inside = zip(self.parts, entries, strict=True)
        before = zip(self.first, entries, strict=False)
        return {part.name: part.value(states) for part, states in (*inside, *before)}

    def _entries(self, z: State) -> list[list[Any]]:
        """The state of each entry of each part."""
        by_label = {self.parts[0].name: z} if self._single else z
        return [[by_label[label] for label in p.labels] for p in self.parts]

    def values_of_all(self, states: np.ndarray, sizes: tuple[int, ...]) -> dict[str, Any]:
        """Values of the sites in all data.

        Args:
            states: Index of the joint state of each datum, (n,).
            sizes: Sizes of the plates of the data, outermost first, then of a chain its steps;
                their product is n.
        """
        found = {}
        for place, entries in enumerate(self._entries(self.latent.states())):
            joint = np.stack([entry[states] for entry in entries], -1)
            joint = joint.reshape(*sizes, len(entries))
            part = self.parts[place]
            if part.scanned:
                joint = np.moveaxis(joint, -2, 0)
            if self.first:
                found[self.first[place].name] = self.first[place].value_of_all(joint[0])
                joint = joint[1:]
            found[part.name] = part.value_of_all(joint)
        return found


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
    shape = list(site.fn.batch_shape[int(site.scanned) :])
    for dim in anatomy.plates.values():
        shape[dim] = 1
    dims = tuple(anatomy.plates.values())
    return Part(site.name, values.ravel(), tuple(shape), dims, site.scanned)


def _check_same(before: Part, inside: Part) -> None:
    if not np.array_equal(before.values, inside.values) or before.shape != inside.shape:
        raise DeclarationError(
            f"the hidden site {before.name!r}, of shape {before.shape} with the values "
            f"{before.values}, comes before a scan whose state {inside.name!r} has shape "
            f"{inside.shape} and the values {inside.values}: they need the same. (First states "
            f"belong to those of the scan in the order of the program.)"
        )


def _why(error: Exception) -> str:
    said = str(error).strip()
    return f" ({said})" if said else ""


def _size_words(part: Part) -> str:
    count, size = len(part.labels), len(part.values)
    several = f" in each of {count} entries" if count > 1 else ""
    return f"{part.name!r} has {size} states{several}"
