"""From starts to ends: the loop, and what runs, watches and speeds it."""
