"""What a program is made of, as a record."""

import dataclasses
import math
from collections.abc import Mapping

from jaxem.programs.densities import Densities
from jaxem.programs.run import Run, Site


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """What a program is made of.

    Attributes:
        whole: A run on all data, at ordinary values.
        densities: The log density of every site on all data.
        parameters: Continuous sites and param sites that matter, in the order of the program.
        parents: For each, the parameters that its prior depends on.
        discrete: Hidden discrete sites that matter, in the order of the program.
        plates: The plates that hold a datum, outermost first, with their dimensions.
        inner: Sites whose log densities make the joint of a datum.
        outer: Observed sites and factors of no single datum.
        outer_parents: The parameters that these depend on.
    """

    whole: Run
    densities: Densities
    parameters: tuple[Site, ...]
    parents: Mapping[str, frozenset[str]]
    discrete: tuple[Site, ...]
    plates: Mapping[str, int]
    inner: frozenset[str]
    outer: frozenset[str]
    outer_parents: frozenset[str]

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the plates that hold a datum, outermost first."""
        return {plate: self.whole.sizes[plate] for plate in self.plates}

    @property
    def count(self) -> int:
        """The number of data."""
        return math.prod(self.sizes.values())

    def in_a_datum(self, site: Site) -> bool:
        """Whether there is one of this site a datum."""
        return set(self.plates) <= set(site.plates)
