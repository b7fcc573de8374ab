"""Ask a run a list of questions as a person would, and write the answers down for a person to judge.

    python benchmarks/asked.py RUN [--store STORE] [--arm ARM] [--questions benchmarks/asked.jsonl] [--out answers.md]

The list beside this file has fifty questions about SQLite's pages (`recipes/sqlite`) in a person's own words, with what
a right answer must say, and twenty that those pages do not answer; `asked/` has shorter lists about six other manuals.
For each: what `understudy ask` tells, the sentence behind it with its place, and whether it refused. Whether an answer
is right is for a person to say.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from understudy import api
from understudy.evaluation.response import reading
from understudy.evaluation.support import Topic
from understudy.types import Chunk


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("run")
    reader.add_argument("--store", type=Path, default=Path(".understudy"))
    reader.add_argument("--arm")
    reader.add_argument("--questions", type=Path, default=Path(__file__).with_name("asked.jsonl"))
    reader.add_argument("--out", type=Path, default=Path("answers.md"))
    asked = reader.parse_args()
    run = api.open_run(asked.run, store=asked.store)
    arm = asked.arm or run.best_arm
    answerer = run.answerer(arm)
    topic = Topic(run.artifact("chunk").records("chunks", Chunk))
    lines = [f"# {run.label}, {arm}", ""]
    refused = {True: 0, False: 0}
    count = {True: 0, False: 0}
    began = time.monotonic()
    for line in asked.questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        question, answerable = row["question"], row["key"] is not None
        prompt, pieces = answerer.converse(question)
        read = reading(topic, question, prompt, answerer.arm, answerer)
        told = read.told("" if read.beside else "".join(pieces))
        count[answerable] += 1
        refused[answerable] += told.abstained
        lines += [f"## {question}", "", f"wanted: {row['key'] or 'no answer'}", "", f"told: {told.text}"]
        if told.quoted:
            lines += ["", f"the model's own words: {told.own}"]
        if told.support is not None:
            behind = told.quotes or (told.support,)
            lines += [line for s in behind for line in ("", f"behind it ({s.chunk.where}): {s.sentence}")]
        lines.append("")
    asked.out.write_text("\n".join(lines), encoding="utf-8")
    seconds = (time.monotonic() - began) / sum(count.values())
    print(
        f"{run.label} {arm}: of {count[True]} that the pages answer {refused[True]} refused, of {count[False]} that "
        f"they do not {refused[False]}; {seconds:.1f} s a question; {asked.out}"
    )


if __name__ == "__main__":
    main()
