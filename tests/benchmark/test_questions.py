"""Questions from files, their faults, and their passages."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.questions import clusters, link
from understudy.benchmark.stage import load_items
from understudy.errors import InputError
from understudy.evaluation.interchange.files import write_questions
from understudy.evaluation.interchange.read import read_questions
from understudy.evaluation.items import clean, item_id, spread
from understudy.stage import Inputs
from understudy.types import Chunk, MCQItem, QAPair


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("key", ["b", "B", "(b)", "7411"])
def test_csv_as_published(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "q.csv", f'question,a,b,c,d,correct\n"Which port,\nby default?",80,7411,443,22,{key}\n')
    items, excluded = read_questions(path)
    assert excluded == []
    assert items[0].options == ("80", "7411", "443", "22")
    assert items[0].correct == 1
    assert items[0].item_id == item_id("Which port, by default?", ("80", "7411", "443", "22"))


@pytest.mark.parametrize(("keys", "expected"), [(["0", "2"], [0, 2]), (["1", "4"], [0, 3])])
def test_numeric_keys_count_from_what_fits_the_whole_file(tmp_path: Path, keys: list[str], expected: list[int]) -> None:
    rows = "".join(f"Question {k}?,w,x,y,z,{k}\n" for k in keys)
    items, _ = read_questions(write(tmp_path / "q.csv", "question,a,b,c,d,correct\n" + rows))
    assert [i.correct for i in items] == expected


def test_numeric_keys_that_could_count_either_way_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", "question,a,b,c,d,correct\nOne?,w,x,y,z,1\nTwo?,w,x,y,z,2\n")
    with pytest.raises(InputError, match=r"'x' as a number from 0, and 'w' as a number from 1.*write letters"):
        read_questions(path)


def test_rows_without_a_usable_key_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.csv",
        "question;a;b;c;correct\nNo key?;1x;2x;3x;\nStrange key?;1x;2x;3x;9x\nLate key?;1x;2x;;d\nFine?;1x;2x;;b\n",
    )
    items, excluded = read_questions(path)
    assert [i.question for i in items] == ["Fine?"]
    assert items[0].options == ("1x", "2x")
    assert [(e.reason, e.detail.split(":")[1]) for e in excluded] == [
        ("no key", "2"),
        ("the key is not among the options", "3"),
        ("the key is not among the options", "4"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        {"item_id": "i", "question": "Q?", "options": ["x", "y", "z"], "correct": 2},
        {"question": "Q?", "choices": ["x", "y", "z"], "answer": "z"},
        {"question": "Q?", "choices": ["x", "y", "z"], "answer": "C"},
        {"question": "Q?", "choices": {"text": ["x", "y", "z"], "label": ["1", "2", "3"]}, "answerKey": "3"},
        {"doc": {"question": "Q?", "options": ["x", "y", "z"], "gold": 2}, "filtered_resps": []},
        {"query": "Q?", "choices": ["x", "y", "z"], "gold": 2},
    ],
)
def test_jsonl_in_the_usual_shapes(tmp_path: Path, record: dict[str, object]) -> None:
    items, excluded = read_questions(write(tmp_path / "q.jsonl", json.dumps(record) + "\n\n"))
    assert (items[0].question, items[0].options, items[0].correct, excluded) == ("Q?", ("x", "y", "z"), 2, [])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "q.csv",
            "question,answer\nOne?,x\n",
            "needs the columns question, a, b, c, d, correct; it has question, answer",
        ),
        ("q.csv", "", "it has none"),
        ("q.jsonl", '{"question": "x"}\n', ":1: needs question and options"),
        ("q.jsonl", "[1]\n", ":1: not an object"),
        ("q.jsonl", "{\n", ":1: not valid JSON"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_questions(write(tmp_path / name, text))


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / "none.csv")
    (tmp_path / "bin.csv").write_bytes(b"question,a\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_questions(tmp_path / "bin.csv")


def test_a_file_of_faulty_questions_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", "question,a,b,correct\nTwins?,x,x,a\nKeyless?,x,y,\n")
    with pytest.raises(InputError, match="no question to ask \\(1 no key, 1 two identical options\\)"):
        load_items(BenchmarkConfig(questions=str(path)), Inputs())


def test_exported_questions_come_back(planted: ModuleType, tmp_path: Path) -> None:
    items = planted.world().items
    write_questions(tmp_path / "q.csv", items)
    again, excluded = read_questions(tmp_path / "q.csv")
    assert excluded == []
    assert [(i.item_id, i.question, i.options, i.correct, i.doc_id) for i in again] == [
        (i.item_id, i.question, i.options, i.correct, i.doc_id) for i in items
    ]


def test_clean_keeps_options_that_differ_in_case_only() -> None:
    item = MCQItem("x", "Which flag?", ("-a", "-A"), 0)
    assert clean([item]) == ([item], [])


def chunk(name: str, text: str, doc: str = "d.md") -> Chunk:
    return Chunk(name, doc, text, 0, len(text), 1, 1, 9, "Title")


def test_imported_questions_find_their_passage_or_stay_alone() -> None:
    chunks = [
        chunk("c1", "Kestrel listens on port 7411 unless the flag --port says otherwise.", "a.md"),
        chunk("c2", "Messages are deleted after 14 days. The retention period is set with retention_days.", "b.md"),
    ]
    items = [
        MCQItem("1", "On which port does Kestrel listen?", ("7411", "80"), 0),
        MCQItem("2", "After how many days are messages deleted?", ("3 days", "14 days"), 1),
        MCQItem("3", "Who painted the ceiling of the Sistine chapel?", ("Michelangelo", "Raphael"), 0),
        MCQItem("4", "Held by its quote?", ("x", "y"), 0, doc_id="b.md", quote="deleted  after 14\ndays"),
        MCQItem("5", "From a document that is gone?", ("x", "y"), 0, doc_id="gone.md", chunk_id="gone"),
    ]
    found = link(items, chunks)
    assert [[c.chunk_id for c in q.gold] for q in found] == [["c1"], ["c2"], [], ["c2"], []]
    assert [q.item.doc_id for q in found] == ["a.md", "b.md", "", "b.md", "gone.md"]
    kind, labels = clusters(found, "document")
    assert kind == "document"
    assert labels == {"1": "a.md", "2": "b.md", "3": "3", "4": "b.md", "5": "gone.md"}
    assert clusters(found, "auto")[0] == "question"
    assert all(q.taught is None for q in found)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("guide/limits.html", "c3"),
        ("limits.html", "c3"),
        ("Limits", "c3"),
        ("site\\guide\\limits.html#sizes", "c3"),
        ("guide/limits.md", "c3"),
        ("index.html", "c1"),  # two documents end so: the passage of all documents decides
        ("never-heard-of", "c1"),
    ],
)
def test_a_named_document_gives_its_best_passage(named: str, found: str) -> None:
    chunks = [
        chunk("c1", "The largest queue of Heron is 4096 messages.", "a/index.html"),
        chunk("c2", "Other things.", "b/index.html"),
        chunk("c3", "A queue holds 4096 of them.", "guide/limits.html"),
        chunk("c4", "Files are kept for a week.", "guide/limits.html"),
    ]
    item = MCQItem("i", "What is the largest queue of Heron?", ("4096 messages", "1 message"), 0, doc_id=named)
    (question,) = link([item], chunks)
    assert question.item.chunk_id == found
    assert question.item.doc_id == {c.chunk_id: c.doc_id for c in chunks}[found]
    (alone,) = link([MCQItem("j", "Xyzzy?", ("plugh", "y"), 0, doc_id="guide/limits.html")], chunks)
    assert (alone.item.chunk_id, alone.item.doc_id) == ("", "guide/limits.html")


def test_what_was_taught() -> None:
    chunks = [chunk("c1", "one"), chunk("c2", "two")]
    items = [
        MCQItem("1", "a?", ("x", "y"), 0, chunk_id="c1", doc_id="d", fact_id="f1"),
        MCQItem("2", "b?", ("x", "y"), 0, chunk_id="c1", doc_id="d", fact_id="f2"),
        MCQItem("3", "c?", ("x", "y"), 0, chunk_id="c2", doc_id="d", source="heldout-doc"),
    ]
    own = [QAPair("p", "a", "x", "c1", fact_id="f1"), QAPair("q", "b", "x", "c1", fact_id="f2", split="test")]
    assert [q.taught for q in link(items, chunks, own)] == [True, False, False]
    imported = [QAPair("p", "anything", "x", "c1")]
    assert [q.taught for q in link(items, chunks, imported)] == [True, True, False]


def test_spread_takes_documents_in_turn() -> None:
    items = [MCQItem(f"{k}", f"{k}?", ("x", "y"), 0, doc_id=d) for k, d in enumerate("aaaaaabbc")]
    assert sorted(i.doc_id for i in spread(items, 5)) == ["a", "a", "b", "b", "c"]
    assert spread(items, 100) == items


def test_the_nitro_documentation_links_questions_in_its_own_words(nitro: Path) -> None:
    text = (nitro / "docs" / "features" / "multi-thread.md").read_text(encoding="utf-8")
    parts = [text[k : k + 900] for k in range(0, len(text), 900)]
    chunks = [chunk(f"m{k}", part, "multi-thread.md") for k, part in enumerate(parts)]
    chunks += [
        chunk(p.stem, p.read_text(encoding="utf-8")[:900], p.name)
        for p in sorted((nitro / "docs" / "features").glob("*.md"))
        if p.stem != "multi-thread"
    ]
    item = MCQItem("1", "What does multithreading allow in concurrent programming?", ("threads", "nothing"), 0)
    assert link([item], chunks)[0].item.doc_id == "multi-thread.md"


def test_a_held_out_paraphrase_is_of_a_fact_that_was_taught() -> None:
    chunks = [chunk("c1", "the port is 80"), chunk("c2", "the limit is 9")]
    own = [
        QAPair("p1", "q", "80", "c1", "d", fact_id="f1"),
        QAPair("p2", "q2", "9", "c2", "d", fact_id="f2", split="dev"),
    ]
    items = [
        MCQItem("1", "a?", ("x", "y"), 0, "c1", "d", fact_id="f1", source="heldout-paraphrase"),
        MCQItem("2", "b?", ("x", "y"), 0, "c2", "d", fact_id="f2", source="heldout-paraphrase"),
        MCQItem("3", "c?", ("x", "y"), 0, "c1", "d", fact_id="f1", source="heldout-chunk"),
    ]
    assert [q.taught for q in link(items, chunks, own)] == [True, False, False]


def test_questions_that_were_taught_are_left_out_of_an_own_exam_with_the_reason(tmp_path: Path) -> None:
    for stage in ("generate", "sft"):
        (tmp_path / stage).mkdir()
        if stage == "generate":
            pairs = [QAPair("p1", "Which port does it listen on?", "7319"), QAPair("p2", "Why?", "So.", split="test")]
            write_records(tmp_path / stage / "pairs.jsonl", pairs)
        seal(tmp_path / stage, {"stage": stage, "key": "k"})
    taught = Inputs({stage: Artifact.open(tmp_path / stage) for stage in ("generate", "sft")})
    path = write(tmp_path / "q.csv", "question,a,b,correct\nWhich port does it listen on,1,7319,b\nWhy?,So,No,a\n")
    kept, left_out, _ = load_items(BenchmarkConfig(questions=str(path)), taught)
    assert [item.question for item in kept] == ["Why?"]
    assert [e.reason for e in left_out] == ["asked in the training data"]
    for config, inputs in (
        (BenchmarkConfig(questions=str(path), leaked="keep"), taught),
        (BenchmarkConfig(questions=str(path)), Inputs({"generate": taught["generate"]})),  # nothing was fine-tuned
    ):
        assert len(load_items(config, inputs)[0]) == 2
