"""Pure array mathematics: log-space sums, structural zeros, small matrices, rows of pytrees."""
