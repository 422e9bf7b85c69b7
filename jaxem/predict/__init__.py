"""Predictions of a fitted model: posteriors, paths, expectations, densities, forecasts."""
