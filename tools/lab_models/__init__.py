"""Makes the bundled models: the reader from nothing, the specialists from the reader. Not part of the wheel."""
