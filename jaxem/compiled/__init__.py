"""What is compiled: programs by their meaning, shapes that repeat, and which are kept."""
