"""The published cases: their files, and what a declaration of one consists of."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jaxem

_FOLDER = Path(__file__).parent / "data"


class Declared(NamedTuple):
    """A case in jaxem's words: what `jaxem.fit` needs to be asked.

    Attributes:
        model: The declared log joint, latent and prior.
        data: The rows.
        weights: How often each row counts, or None.
        init: Where the reference starts, or None when any start may be taken.
    """

    model: jaxem.Model
    data: Any
    weights: np.ndarray | None = None
    init: Any = None

    def fit(self, **options: Any) -> jaxem.Fit:
        """Fit the case from its own start, unless the options name another."""
        asked = {"weights": self.weights, "init": self.init, **options}
        return jaxem.fit(self.model, self.data, **asked)

    def after(self, steps: int, **options: Any) -> jaxem.Fit:
        """The state after exactly this many EM steps."""
        return self.fit(tolerance=0, max_steps=steps, **options)


def case(name: str) -> dict[str, Any]:
    """The case file of this name: data, start, reference, tolerance and source."""
    return json.loads((_FOLDER / f"{name}.json").read_text())
