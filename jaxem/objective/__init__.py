"""The log posterior at real coordinates: value, gradient, curvature."""
