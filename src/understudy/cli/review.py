"""`understudy review RUN`: read pairs beside their passages in the terminal and decide, one key each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from understudy.cli.console import DEFAULT_STORE, RunArgument, StoreOption, console
from understudy.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from understudy.generate.decisions import Decision
    from understudy.review.queue import Entry
    from understudy.review.session import Review


def review(
    run: RunArgument,
    store: StoreOption = DEFAULT_STORE,
    decisions: Annotated[
        Path | None, typer.Option("--decisions", help="The file; default: the recipe's, else reviews/NAME.jsonl.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what is not decided, by risk, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list or --audit: one JSON object a line.")] = False,
    decide: Annotated[
        list[str] | None,
        typer.Option("--decide", help="ID=accept, ID=reject:REASON, ID=answer:TEXT, ID=question:TEXT or ID=undo."),
    ] = None,
    alike: Annotated[
        str | None, typer.Option("--alike", help="With --decide: also for the same `fact`, `page` or `kind`.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="With --decide: show, write nothing.")] = False,
    audit: Annotated[
        int | None, typer.Option("--audit", min=1, help="Read so many random pairs; estimate the share of good ones.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="With --audit: which sample is drawn.")] = 0,
    preferences: Annotated[
        Path | None,
        typer.Option("--preferences", help="Ask the base model what is taught; write its wrong answers for DPO."),
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="With --preferences: most facts asked about.")] = 500,
    who: Annotated[str | None, typer.Option("--by", help="Whose decisions these are; default: your login.")] = None,
) -> None:
    """Read a run's pairs and exam questions beside their passages, the riskiest first; accept, edit, reject, undo."""
    from understudy import api
    from understudy.review.audit import sample
    from understudy.review.decisions import whoever

    if alike is not None and not decide:
        raise UsageError("--alike: carries a decision over; give it with --decide")
    opened = api.open_run(run, store=store)
    session = opened.review(decisions, whoever() if who is None else who)
    if preferences is not None:
        found, counts = opened.preferences(preferences, decisions, n=pairs, seed=seed)
        told = ", ".join(f"{what}: {n}" for what, n in sorted(counts.items()))
        console.print(f"{found} preferences in {preferences} ({told})", soft_wrap=True)
        return
    if decide:
        _decide(session, decide, alike, preview)
        return
    entries = sample(session, audit, seed) if audit else session.waiting()
    if listed:
        _list(session, entries, as_json)
    elif sys.stdin.isatty() or not audit:
        from understudy.cli.review_keys import Reader

        Reader(session, entries, audit is not None).read()
    if audit and not listed:
        _estimate(session, entries, as_json)
    elif not listed and session.decided:
        used = opened.recipe.generate is not None and opened.recipe.generate.decisions
        _next_step(session, bool(used))


def _decide(session: Review, given: list[str], scope: str | None, preview: bool) -> None:
    """Decide what the command line says, all of it or, where one part is wrong, nothing."""
    from understudy.cli.review_keys import show_change
    from understudy.review.alike import SCOPES, carried

    if scope is not None and scope not in SCOPES:
        raise UsageError(f"--alike: '{scope}' is not one of {', '.join(SCOPES)}.{did_you_mean(scope, SCOPES)}")
    chosen: dict[str, tuple[Entry, Decision]] = {}
    for text in given:
        entry, decision = _parsed(session, text, chosen)
        chosen[entry.id] = entry, decision
    made = list(chosen.values())
    for entry, decision in chosen.values() if scope else ():
        others = carried(decision, entry, session, scope)  # type: ignore[arg-type]
        made += [(other, d) for other, d in others if all(other.id != one.id for one, _ in made)]
    for entry, decision in made:
        show_change(entry, decision)
    if preview:
        console.print(f"{len(made)} decisions; nothing is written")
        return
    session.write(decision for _, decision in made)
    console.print(f"{len(made)} decisions added to {session.path}", soft_wrap=True)


def _parsed(session: Review, text: str, before: dict[str, tuple[Entry, Decision]]) -> tuple[Entry, Decision]:
    """The record and the decision on it; question and answer of one pair may be edited one after the other."""
    id_, equals, rest = text.partition("=")
    what, colon, detail = rest.partition(":")
    if not equals:
        raise UsageError(f"--decide {text}: write it as ID=accept, ID=reject:REASON, ID=answer:TEXT or ID=undo")
    entry = session.find(id_.strip())
    if what in ("answer", "question") and colon:
        first = before[entry.id][1] if entry.id in before else None
        texts = {"question": first.question, "answer": first.answer} if first and first.what == "edit" else {}
        return entry, session.draft(entry, "edit", **{**texts, what: detail})
    return entry, session.draft(entry, what.strip(), reason=detail)  # type: ignore[arg-type]


def _list(session: Review, entries: list[Entry], as_json: bool) -> None:
    for entry in entries:
        if as_json:
            print(json.dumps(_plain(session, entry), ensure_ascii=False))
            continue
        console.print(f"{entry.id} {entry.risk:.2f} {entry.record.question}", soft_wrap=True)
        for reason in entry.reasons:
            console.print(f"  {reason}", soft_wrap=True)
    if not as_json:
        console.print(f"{len(entries)} of {len(session.entries)} listed", soft_wrap=True)


def _plain(session: Review, entry: Entry) -> dict[str, Any]:
    standing = session.standing(entry)
    record = entry.record
    return {
        "id": entry.id,
        "what": entry.sort,
        "question": record.question,
        "answer": entry.answer,
        "options": list(getattr(record, "options", ())),
        "quote": record.quote,
        "where": entry.chunk.where if entry.chunk else entry.doc_id,
        "kind": entry.kind,
        "fact_id": record.fact_id,
        "risk": entry.risk,
        "reasons": list(entry.reasons),
        "locked": entry.locked,
        "decision": standing.what if standing else None,
    }


def _estimate(session: Review, drawn: list[Entry], as_json: bool) -> None:
    from understudy.artifact import to_plain
    from understudy.review.audit import estimate

    found = estimate(session, drawn)
    if as_json:
        print(json.dumps(to_plain(found)))
    elif found.share is None or found.low is None or found.high is None:
        console.print(f"none of the {found.drawn} drawn pairs is read yet, so nothing can be said")
    else:
        console.print(
            f"{found.good} of {found.read} random pairs are good: {100 * found.share:.0f} % "
            f"(95 % interval {100 * found.low:.0f}–{100 * found.high:.0f} %) of the run's {found.of}"
            + ("" if found.read == found.drawn else f"; {found.drawn - found.read} drawn are not read yet")
        )


def _next_step(session: Review, used: bool) -> None:
    console.print(f"{len(session.waiting())} are not decided; {len(session.decided)} decisions in {session.path}")
    if not used:
        console.print(f"`generate: {{decisions: {session.path}}}` in the recipe applies them when it runs again")
