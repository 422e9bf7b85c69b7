"""The words by which a plan calls its closed forms."""

COUNTS = "normalised expected counts"
PROPORTION = "weighted proportion"
QUADRATIC = "weighted least squares, elementwise"
SCATTER = "weighted scatter matrix"
PRECISION = "inverse of the weighted scatter matrix"
CHOLESKY = "Cholesky factor of the weighted scatter matrix"
RATE = "weighted mean of a statistic (m = t)"
INVERSE_RATE = "weighted mean of a statistic (m = t^-1)"
INVERSE_SQUARE = "weighted mean of a statistic (m = t^-2)"
LOG_RATE = "log of a weighted mean (m = e^u)"
LOG_SCALE = "log of a weighted mean (m = e^{-2u})"
LOGITS = "log of normalised expected counts"


def blocks(size: int) -> str:
    """A quadratic parameter solved in blocks of this many numbers."""
    return f"weighted least squares, in blocks of {size}"
