"""The loss that tells the right answer from wrong ones.

Likelihood alone raises every sentence in the manual's language, the answer to the next question as well. A question is
therefore also taught against answers to other questions about the same passages or page (`wrong_answers.py`): the
cross-entropy of choosing among them by their likelihood a character, as cloze scoring chooses (contrastive learning,
van den Oord et al. 2018, arXiv:1807.03748).
"""

from __future__ import annotations

import torch


def choosing_loss(
    likelihood: torch.Tensor, letters: torch.Tensor, question: torch.Tensor, tokens: torch.Tensor, scale: float
) -> torch.Tensor:
    """Sum over the questions of (answer tokens) × (cross-entropy, in nats, of choosing the right answer).

    likelihood, letters, question: (answers,), each answer's summed log-probability, its characters and the number of
    its question, the right answer first within each. tokens: (questions,), tokens of the right answer, so that divided
    by a batch's learned tokens it weighs as the likelihood does. scale: what the mean log-probability a character is
    multiplied by before the softmax.
    """
    scores = scale * likelihood / letters.clamp(min=1)
    total = likelihood.new_zeros(())
    for number, weight in enumerate(tokens.tolist()):
        of_one = scores[question == number]
        total = total - weight * torch.log_softmax(of_one, 0)[0]
    return total
