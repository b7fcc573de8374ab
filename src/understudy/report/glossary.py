"""One line of plain English for every technical term the report uses. The key is the term's anchor."""

from __future__ import annotations

GLOSSARY: dict[str, tuple[str, str]] = {
    "accuracy": ("accuracy", "The share of questions answered right."),
    "arm": (
        "arm",
        "One way of answering that is compared: a model, and what it may look at while answering.",
    ),
    "base": ("base", "The model as it was before fine-tuning."),
    "sft": ("sft", "The fine-tuned model: the base model after it was taught from the documentation."),
    "closed-book": ("closed-book", "The model answers from memory and sees nothing but the question."),
    "rag": ("rag", "Retrieval: before answering, the model is shown the passages that search found."),
    "oracle": (
        "oracle",
        "The model is handed the passage that holds the answer: what perfect search would give.",
    ),
    "corpus": ("corpus", "All the documentation; as an arm, the model sees all of it at once."),
    "floor": ("floor", "A trick without understanding, such as always picking the longest option."),
    "gameable": ("gameable", "Said of questions that such a trick answers better than guessing does."),
    "chance": ("chance", "What blind guessing scores on average: one in four with four options."),
    "interval": (
        "interval",
        "The range in which the true figure plausibly lies, given how few questions were asked. With 95 % "
        "intervals, 19 of 20 such ranges hold the truth.",
    ),
    "cluster": (
        "cluster",
        "Questions from the same document tend to be right or wrong together; intervals allow for that.",
    ),
    "bootstrap": (
        "bootstrap",
        "A second way to compute the interval: by drawing the clusters again and again.",
    ),
    "points": ("points", "Percentage points: from 40 % to 50 % is 10 points."),
    "p": (
        "p",
        "How often a difference at least this large would appear if the two arms were equally good. "
        "Small means that luck is a poor explanation.",
    ),
    "holm": ("Holm", "A correction: who compares many pairs finds some difference by luck, so p is raised."),
    "mcnemar": ("McNemar", "An exact test on the questions that only one of two arms got right."),
    "mde": (
        "detectable",
        "The smallest true difference that a benchmark of this size finds in four of five attempts.",
    ),
    "power": (
        "power",
        "The chance that a benchmark of this size finds a difference as large as the one seen.",
    ),
    "verdict": (
        "verdict",
        "Better or worse where luck is a poor explanation of the difference; otherwise inconclusive.",
    ),
    "inconclusive": (
        "inconclusive",
        "Too few questions to tell. It does not mean that the two are equally good.",
    ),
    "scoring": ("scoring", "How an answer is read from the model."),
    "cloze": ("cloze", "Scoring by asking how likely the model finds the text of each option as an answer."),
    "letter": ("letter", "Scoring by asking which letter (A, B, …) the model finds most likely."),
    "shift": ("shift", "The same options shown in rotated order, because models prefer certain positions."),
    "circular": ("every order", "The share of questions answered right in every rotation of the options."),
    "format": (
        "format failure",
        "The model wrote something that is not one of the options. Not the same as wrong.",
    ),
    "rounds": (
        "rounds",
        "Repeated sampling of the same answers: shows noise of decoding, not of the questions.",
    ),
    "retriever": ("retriever", "The search that finds passages for a question."),
    "reader": ("reader", "The model that reads the question and the passages, and answers."),
    "teacher": ("teacher", "What wrote the training questions and answers from the documentation."),
    "hit": ("hit rate", "How often the passage with the answer was among those that search found."),
    "retrieval-loss": (
        "lost by search",
        "Accuracy with the right passage handed over, less accuracy with search.",
    ),
    "reader-loss": ("lost by reading", "What is missing to 100 % even with the right passage handed over."),
    "harm": ("harm and help", "Harm: right from memory, wrong with search. Help: the reverse."),
    "seen": (
        "taught and never taught",
        "If taught facts gain more than facts never taught, the model learned facts and not only the format.",
    ),
    "margin": ("margin", "The loss of general skill that was declared acceptable beforehand."),
    "kl": (
        "KL",
        "How far a model's predictions moved from the base model's on a fixed text; 0 is not at all.",
    ),
    "chunk": ("chunk", "A passage: a piece of a document of limited length."),
    "token": ("token", "A piece of a word, the unit in which models read and write."),
    "loss": ("loss", "How surprised the model is by the right answer while it learns; lower is better."),
    "dev": (
        "held-out loss",
        "The loss on wordings kept away from training. If it rises while the loss falls, the model memorises.",
    ),
    "strength": (
        "λ (strength)",
        "How much of the training is kept: 0 is the model before it, 1 the model as trained.",
    ),
    "step": ("step", "One update of the model from one batch of examples."),
    "seed": ("seed", "The number from which all randomness is drawn; the same seed gives the same run."),
    "key": ("key", "The fingerprint of everything that went into a stage; equal keys mean equal results."),
    "stage": ("stage", "One step of the pipeline, from reading files to the benchmark."),
    "recipe": ("recipe", "The file that states all settings of a run."),
}

CAUSES: dict[str, str] = {
    "right": "answered right",
    "format failure": "the answer could not be read as one of the options",
    "not in the corpus": "no passage of the documentation supports the question",
    "not known": "a model that was not taught does not know it by heart",
    "not generated": "the teacher wrote no lesson about it",
    "generated but not learned": "it was taught, but the model does not know it",
    "retrieval miss": "search did not bring the passage that holds the answer",
    "reader miss": "the passage was there, but the model chose wrong",
    "harmed by retrieval": "right from memory, wrong with the passages that search found",
}
