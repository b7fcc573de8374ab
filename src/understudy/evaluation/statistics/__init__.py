"""The statistics of a benchmark: the unit is the question, the cluster is the document."""
