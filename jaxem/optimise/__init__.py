"""From starts to ends: the monotone loop, warm-ups, races, climbs, jumps and checks."""
