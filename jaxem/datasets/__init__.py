"""Small real tables that ship with the package; NumPy arrays, no JAX.

Each function returns a named tuple of columns; its docstring gives units and source. `names` lists
the tables and `path` gives the CSV file of one.
"""

from jaxem.datasets.coins import TwoCoins, two_coins
from jaxem.datasets.geyser import OldFaithful, old_faithful
from jaxem.datasets.lakes import Acidity, acidity
from jaxem.datasets.notices import DeathNotices, death_notices
from jaxem.datasets.pathology import Carcinoma, carcinoma
from jaxem.datasets.table import names, path

__all__ = [
    "Acidity",
    "Carcinoma",
    "DeathNotices",
    "OldFaithful",
    "TwoCoins",
    "acidity",
    "carcinoma",
    "death_notices",
    "names",
    "old_faithful",
    "path",
    "two_coins",
]
