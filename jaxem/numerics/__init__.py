"""Pure array mathematics: log-space sums, small matrices, charts, rows of pytrees."""
