"""Answers in, scores with intervals out: ways of scoring, shortcut baselines, paired comparisons, statistics."""
