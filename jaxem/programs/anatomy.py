"""What a program is made of, as a record."""

import dataclasses
import math
from collections.abc import Mapping

from jaxem.programs.densities import Densities
from jaxem.programs.run import Run, Site

#: What the steps of a scan are called among the plates.
STEPS = "steps of the scan"


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
        first: Of a chain, the hidden discrete sites before the scan, in which it begins; none if
            the scan makes the first state as well.
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
    first: tuple[Site, ...]

    @property
    def scans(self) -> int:
        """The number of steps of the scan over hidden states; 0 if there is none."""
        return len(self.discrete[0].value) if self.discrete[0].scanned else 0

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the plates that hold a datum, outermost first; of a chain, then its steps."""
        plates = {plate: self.whole.sizes[plate] for plate in self.plates}
        return plates | {STEPS: self.scans + bool(self.first)} if self.scans else plates

    @property
    def count(self) -> int:
        """The number of data."""
        return math.prod(self.sizes.values())

    def in_a_datum(self, site: Site) -> bool:
        """Whether there is one of this site a datum."""
        if self.scans and not self.plates:
            return site.scanned
        return set(self.plates) <= set(site.plates)
