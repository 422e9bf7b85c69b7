"""Tables as aligned text."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], most: int = 80) -> list[str]:
    """Lines of a table, with the first column aligned left and the others right.

    Args:
        rows: The head and the rows, with equally many cells.
        most: Rows to show; a line with the number of the others follows.
    """
    shown, more = rows[: most + 1], len(rows) - 1 - most
    widths = [max(len(row[i]) for row in shown) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    return lines if more <= 0 else [*lines, f"... and {more} more"]
