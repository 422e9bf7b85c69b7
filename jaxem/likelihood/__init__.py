"""The marginal likelihood, the latent states summed out: of rows or sequences, in coordinates."""
