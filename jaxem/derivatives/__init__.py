"""Derivatives of a fit in its data, their weights, and the parameters of its priors."""
