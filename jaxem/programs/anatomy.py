"""The parts of a program: parameters, latent states, plates, and sites of a datum."""

import dataclasses
import math
from collections.abc import Mapping

from jaxem.programs.densities import Densities
from jaxem.programs.run import Run, Site

#: The name of the steps of a scan among the plates.
STEPS = "steps of the scan"


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The parts of a program. A site is relevant if the evidence depends on it.

    Attributes:
        whole: A run on all data, at ordinary values.
        densities: The log density of every site on all data.
        parameters: Relevant continuous sites and param sites, in the order of the program.
        parents: For each parameter, the parameters on which its prior depends.
        discrete: Relevant hidden discrete sites, in the order of the program.
        plates: The plates of the data, outermost first, with their dimensions.
        inner: Sites whose log densities sum to the log joint of a datum.
        outer: Observed sites and factors that belong to no single datum.
        outer_parents: The parameters on which the outer sites depend.
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
        """Whether the site has a value for every datum."""
        if self.scans and not self.plates:
            return site.scanned
        return set(self.plates) <= set(site.plates)
