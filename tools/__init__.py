"""What makes parts of the package and is not part of it."""
