"""Questions and results to and from other programs: CSV, lm_eval, inspect_ai."""
