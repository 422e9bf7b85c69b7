"""Pure array mathematics: log-space sums, small matrices, rows of pytrees."""
