"""The likelihood with the latent states summed out: of rows or sequences, in real coordinates."""
