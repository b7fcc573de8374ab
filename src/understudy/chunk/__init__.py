"""Documents in, Chunks out: slices of the source, exact in the reader's tokens, cut along its structure."""
