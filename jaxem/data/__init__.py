"""The rows of a fit, and the paths through them."""
