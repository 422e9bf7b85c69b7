"""Published answers: models declared as log joints, fitted, and held against the literature."""
