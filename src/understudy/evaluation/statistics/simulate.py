"""Benchmarks with known truth, to see whether the statistics keep their promises.

Each simulated benchmark has two arms and documents of unequal size. Whether an arm answers a question depends
on a latent normal variable: part of it belongs to the document, part to the document and the arm, part to the
question, and the rest to the single answer; so answers are correlated within documents and between arms, and
the true accuracies are known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from understudy.evaluation.statistics.bootstrap import bca_interval
from understudy.evaluation.statistics.cluster import Array, Clusters, accuracy_interval, difference_interval, mean
from understudy.evaluation.statistics.power import minimum_detectable_effect
from understudy.evaluation.statistics.significance import randomisation_p

ROUNDS = 200  # as in the published experiment


@dataclass(frozen=True, slots=True)
class Design:
    """A kind of benchmark. icc, arm_icc, question: shares of the latent variance.

    spread: of the cluster sizes, as the concentration of a Dirichlet distribution (smaller is less equal).
    """

    clusters: int
    questions: int
    icc: float
    arm_icc: float = 0.1
    question: float = 0.4
    accuracy: float = 0.5
    spread: float = 1.5
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.clusters} documents, {self.questions} questions, icc {self.icc}, accuracy {self.accuracy}"

    def sizes(self) -> Array:
        """Questions of each document: at least one, summing to about `questions`."""
        rng = np.random.default_rng(self.seed)
        return np.maximum(1, np.round(self.questions * rng.dirichlet(np.full(self.clusters, self.spread))))


@dataclass(frozen=True, slots=True)
class Promises:
    """What was promised and what came, as shares of the simulated benchmarks.

    mde: the stated minimum detectable effect; power_at_mde: how often a true difference of that size got the
    verdict. published_*: the unpaired t-test over 200 rounds of the same questions, on the same data.
    """

    sizes: tuple[int, int, int]
    discordance: float
    coverage_accuracy: float
    coverage_difference: float
    coverage_bootstrap: float
    false_positives: float
    mde: float
    power_at_mde: float
    published_coverage: float
    published_false_positives: float


def simulate(design: Design, difference: float, benchmarks: int, seed: int) -> tuple[Array, Array]:
    """Chances of the two arms to be right, given everything but the single answer: (benchmarks, 2, questions).

    Returns (probabilities, answers): answers are one draw of them, 0 or 1.
    """
    rng = np.random.default_rng(seed)
    sizes = design.sizes().astype(np.int64)
    label = np.repeat(np.arange(design.clusters), sizes)
    shape = (benchmarks, 2, design.clusters)
    document = rng.normal(size=(benchmarks, 1, design.clusters)) * np.sqrt(design.icc)
    document = document + rng.normal(size=shape) * np.sqrt(design.arm_icc)
    question = rng.normal(size=(benchmarks, 1, len(label))) * np.sqrt(design.question)
    own = np.sqrt(1 - design.icc - design.arm_icc - design.question)
    at = stats.norm.ppf([design.accuracy, design.accuracy + difference])[None, :, None]
    probability = stats.norm.cdf((at - document[:, :, label] - question) / own)
    return probability, (rng.random(probability.shape) < probability).astype(np.float64)


def grouped(values: Array, sizes: Array) -> Clusters:
    """Clusters of many benchmarks at once: values of shape (benchmarks, questions)."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    s = np.add.reduceat(values, starts, axis=-1)
    q = np.add.reduceat(values * values, starts, axis=-1)
    return Clusters(np.broadcast_to(sizes, s.shape).copy(), s, q)


def stated_mde(design: Design, difference: float, benchmarks: int, seed: int) -> tuple[float, float]:
    """The minimum detectable effect and the discordance of a design, by its long-run discordance and correlation."""
    sizes = design.sizes()
    _, answers = simulate(design, difference, benchmarks, seed)
    data = grouped(answers[:, 1] - answers[:, 0], sizes)
    discordance = float(data.q.sum() / data.n.sum())
    icc = float(mean(data).icc.mean())
    return minimum_detectable_effect(sizes, discordance, icc) or 1.0, discordance


def validate(design: Design, *, benchmarks: int = 2000, seed: int = 0) -> Promises:
    """Simulate a design with no difference, and with a true difference of its minimum detectable effect."""
    sizes = design.sizes()
    probability, answers = simulate(design, 0.0, benchmarks, seed)
    first = grouped(answers[:, 0], sizes)
    differences = grouped(answers[:, 1] - answers[:, 0], sizes)
    low, high = accuracy_interval(first)
    null_p = randomisation_p(differences.s, seed=seed)
    effect, discordance = 0.1, 0.0
    for _ in range(3):  # the effect is stated for the discordance that goes with it: a fixed point
        effect, discordance = stated_mde(design, effect, min(benchmarks, 1000), seed + 1)
    _, shifted = simulate(design, effect, benchmarks, seed + 2)
    gains = grouped(shifted[:, 1] - shifted[:, 0], sizes)
    p = randomisation_p(gains.s, seed=seed)
    d_low, d_high = difference_interval(gains)
    b_low, b_high = bca_interval(gains, seed=seed)
    t_low, t_high, t_p = published_t_test(probability, seed)
    return Promises(
        sizes=(int(sizes.min()), int(np.median(sizes)), int(sizes.max())),
        discordance=discordance,
        coverage_accuracy=float(((low <= design.accuracy) & (design.accuracy <= high)).mean()),
        coverage_difference=float(((d_low <= effect) & (effect <= d_high)).mean()),
        coverage_bootstrap=float(((b_low <= effect) & (effect <= b_high)).mean()),
        false_positives=float((null_p < 0.05).mean()),
        mde=effect,
        power_at_mde=float(((p < 0.05) & (gains.s.sum(-1) > 0)).mean()),
        published_coverage=float(((t_low <= 0) & (t_high >= 0)).mean()),
        published_false_positives=float((t_p < 0.05).mean()),
    )


def published_t_test(probability: Array, seed: int, rounds: int = ROUNDS) -> tuple[Array, Array, Array]:
    """Welch's t-test of the accuracies of `rounds` rounds of the same questions, as published in 2024.

    Every round asks all questions again, so rounds differ by decoding noise alone; the test takes them as
    independent samples. Returns low, high of the 95 % interval of the difference, and p.
    """
    rng = np.random.default_rng(seed)
    questions = probability.shape[-1]
    # a round's accuracy is a mean of many independent answers: its normal approximation is close enough here
    centre = probability.mean(-1)
    noise = np.sqrt((probability * (1 - probability)).sum(-1)) / questions
    accuracy = centre[..., None] + noise[..., None] * rng.normal(size=(*centre.shape, rounds))
    test = stats.ttest_ind(accuracy[:, 1], accuracy[:, 0], axis=-1, equal_var=False)
    ends = test.confidence_interval(0.95)
    return ends.low, ends.high, test.pvalue
