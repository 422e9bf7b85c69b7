"""Small real tables that ship with the package; NumPy arrays, no JAX.

Each function returns a named tuple of columns; its docstring gives units and source. `names` lists
the tables and `path` gives the CSV file of one.
"""

from jaxem.datasets.coins import TwoCoins, two_coins
from jaxem.datasets.geyser import OldFaithful, old_faithful
from jaxem.datasets.lakes import Acidity, acidity
from jaxem.datasets.notices import DeathNotices, death_notices
from jaxem.datasets.pathology import Carcinoma, carcinoma
from jaxem.datasets.quakes import Earthquakes, earthquakes
from jaxem.datasets.responses import Speed, speed
from jaxem.datasets.rolls import Casino, casino
from jaxem.datasets.table import names, path

__all__ = [
    "Acidity",
    "Carcinoma",
    "Casino",
    "DeathNotices",
    "Earthquakes",
    "OldFaithful",
    "Speed",
    "TwoCoins",
    "acidity",
    "carcinoma",
    "casino",
    "death_notices",
    "earthquakes",
    "names",
    "old_faithful",
    "path",
    "speed",
    "two_coins",
]
