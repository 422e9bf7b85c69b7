"""What a fitted model says of data."""
