"""Cells in columns, for people to read."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], most: int = 80) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right.

    Args:
        rows: The head and the rows, equally many cells each.
        most: Rows to show; of a longer table, these and how many there are besides.
    """
    shown, left = rows[: most + 1], len(rows) - 1 - most
    widths = [max(len(row[i]) for row in shown) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    return lines if left <= 0 else [*lines, f"... and {left} more"]
