"""Seven pathologists read the same slides for carcinoma of the uterine cervix.

Source:
    A. Agresti (2002), Categorical Data Analysis, 2nd edition, table 13.1, as `carcinoma` in the
    R package poLCA; D. A. Linzer and J. B. Lewis (2011), Journal of Statistical Software 42(10).
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class Carcinoma(NamedTuple):
    """118 slides, each rated by seven pathologists.

    Attributes:
        ratings: 1 if the pathologist saw carcinoma on the slide, else 0; (118, 7) int64, one
            column a pathologist, A to G.
    """

    ratings: np.ndarray


def carcinoma() -> Carcinoma:
    """Ratings of carcinoma, the usual example of latent classes."""
    return Carcinoma(np.column_stack(list(table.columns("carcinoma").values())))
