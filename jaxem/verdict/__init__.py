"""What is to be thought of where restarts ended."""
