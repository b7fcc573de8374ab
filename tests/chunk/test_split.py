"""Properties that every cut keeps, for tokenizers of different kinds; and known answers for where it cuts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from understudy import outline
from understudy.answer import cite
from understudy.artifact import digest_json, to_plain
from understudy.chunk.split import Splitter
from understudy.chunk.tokens import TokenCounter
from understudy.types import Chunk, Document, Hit

PROSE = "Kestrel keeps every message on disk. The default port is 7411, and `max_batch` limits one batch. "


def byte_level() -> Tokenizer:
    """Bytes and merges, as GPT-2 and Llama 3 count."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([PROSE] * 3, trainer)
    return tokenizer


def metaspace() -> Tokenizer:
    """A mark for each space and one in front, as Llama 2 and Mistral count: merges cross words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>", *alphabet], show_progress=False)
    tokenizer.train_from_iterator([PROSE] * 3, trainer)
    return tokenizer


def lower_case() -> Tokenizer:
    """Folded words, as BERT counts: offsets leave the spaces out."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator([PROSE] * 3, trainer)
    return tokenizer


COUNTERS = {make.__name__: TokenCounter(make()) for make in (byte_level, metaspace, lower_case)}


def document(text: str, **fields: object) -> Document:
    return Document("guide.md", text, "Guide", "markdown", "0" * 64, **fields)  # type: ignore[arg-type]


def split(text: str, size: int = 40, overlap: int = 8, kind: str = "byte_level", **options: bool) -> list[Chunk]:
    (chunks,) = Splitter(COUNTERS[kind], size, overlap, **options).split([document(text)])
    return chunks


def alone(kind: str, text: str) -> int:
    """The reference: one plain call of the tokenizer."""
    return len(COUNTERS[kind]._tokenizer.encode(text, add_special_tokens=False).ids)


def check(text: str, chunks: list[Chunk], size: int, kind: str) -> None:
    covered = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.start <= covered < chunk.end, "a gap, or nothing new"
        covered = chunk.end
        assert chunk.n_tokens == alone(kind, chunk.text) <= size
        assert 1 <= chunk.line_start <= chunk.line_end <= text.count("\n") + 1
    assert covered == len(text)


def blocks(kinds: tuple[str, ...], text: str) -> list[outline.Block]:
    return [b for b in outline.walk(outline.parse(text)) if b.kind in kinds]


WORDS = st.text(st.sampled_from("abc de.fg?_`|  \té漢字🙂\u0301。—0"), min_size=1, max_size=40)
ROWS = st.integers(1, 14).map(
    lambda n: "| name | value |\n|---|---|\n" + "".join(f"| key{i} | {i * 7} |\n" for i in range(n))
)
CODE = st.integers(1, 14).map(lambda n: "```sh\n" + "".join(f"run --x {i}\n" for i in range(n)) + "```\n")
PIECES = st.one_of(
    WORDS,
    st.just(PROSE * 2),
    st.sampled_from(["# One\n", "## Two\n", "### Three\n", "- item\n- other item\n", "> quote\n", "\n\n", "\n" * 60]),
    st.sampled_from(
        [
            ":::note\nTake care.\n:::\n",
            "Term\n: meaning\n",
            "x" * 300,
            "漢字かな" * 30,
            "🙂" * 50,
            "1. a\n\n   b\n",
        ]
    ),
    ROWS,
    CODE,
)
TEXTS = st.lists(PIECES, min_size=1, max_size=8).map("\n".join)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", COUNTERS)
@FAST
@given(TEXTS, st.integers(16, 90), st.integers(0, 8), st.booleans())
def test_exact_covering_and_sliced_from_the_source(kind, text, size, overlap, sections):
    check(text, split(text, size, overlap, kind, overlap_sections=sections), size, kind)


@pytest.mark.parametrize("kind", COUNTERS)
@FAST
@given(TEXTS, st.integers(16, 90))
def test_code_and_tables_are_split_only_when_too_long_themselves(kind, text, size):
    chunks = split(text, size, size // 10, kind)
    for block in blocks(("code", "table"), text):
        whole = any(c.start <= block.start and block.end <= c.end for c in chunks)
        assert whole or alone(kind, text[block.start : block.end]) > size


@FAST
@given(TEXTS, st.integers(20, 90))
def test_overlap_is_bounded_and_stays_in_its_section(text, size):
    chunks = split(text, size, 8)
    headings = [b.start for b in outline.parse(text) if b.kind == "heading"]
    offsets = COUNTERS["byte_level"]._tokenizer.encode(text, add_special_tokens=False).offsets
    for before, after in pairwise(chunks):
        assert sum(after.start <= begin < before.end for begin, _ in offsets) <= 8
        assert not any(after.start < h <= before.end for h in headings)


def test_a_section_begins_a_chunk_and_keeps_its_path():
    text = f"# Guide\n\n{PROSE}\n\n## Ports\n\n{PROSE}\n\n## Logs\n\n{PROSE}\n"
    chunks = split(text, 60)
    assert [c.heading_path for c in chunks] == [("Guide",), ("Guide", "Ports"), ("Guide", "Logs")]
    assert [c.text.split("\n")[0] for c in chunks] == ["# Guide", "## Ports", "## Logs"]
    assert chunks[1].breadcrumb == "Guide › Ports"


def test_a_heading_is_not_left_behind():
    text = f"# A\n\n{PROSE}\n\n## B\n\n{PROSE}"
    for size in range(30, 90):
        assert not any(c.text.rstrip().endswith("## B") for c in split(text, size))


def test_prose_is_cut_at_sentences_with_overlap():
    chunks = split(PROSE * 6, 64, 12)
    assert len(chunks) > 2
    assert all(c.text.rstrip().endswith(".") for c in chunks)
    overlaps = [before.end - after.start for before, after in pairwise(chunks)]
    assert all(o > 0 for o in overlaps)


def test_overlap_across_sections_on_request():
    text = f"# A\n\n{PROSE}\n\n# B\n\n{PROSE}\n"
    assert split(text, 50)[1].text.startswith("# B")
    assert not split(text, 50, overlap_sections=True)[1].text.startswith("# B")


def test_a_long_table_is_cut_between_rows():
    text = "| k | v |\n|---|---|\n" + "".join(f"| option_{i} | value {i} |\n" for i in range(30))
    chunks = split(text, 60, 10)
    assert len(chunks) > 3
    assert all(c.text.startswith("|") and c.text.endswith("|\n") for c in chunks)


def test_a_table_of_exactly_the_size_stays_whole():
    table = "| k | v |\n|---|---|\n| a | b |\n| c | d |"
    size = alone("byte_level", table)
    text = f"{PROSE}\n\n{table}\n\n{PROSE}"
    assert any(table in c.text for c in split(text, size, 8))
    assert not any(table in c.text for c in split(text, size - 1, 8))


def test_lines_point_into_the_source_file():
    text = f"# A\n\n{PROSE}\n\n# B\n\ntext\n"
    (chunks,) = Splitter(COUNTERS["byte_level"], 40, 4).split([document(text, first_line=6)])
    assert (chunks[0].line_start, chunks[-1].line_end) == (6, 12)
    assert chunks[-1].line_start == 10


def test_chunks_and_citations_carry_the_place():
    text = "# One\n\nFirst.\n\n# Two\n\nSecond.\n"
    second = text.index("# Two")
    places = ((0, "L3"), (7, "L6"), (second, "L8"), (len(text), "L12"))
    (chunks,) = Splitter(COUNTERS["byte_level"], 16, 0).split(
        [Document("a.rst", text, "One", "rst", "", places=places)]
    )
    assert "Second." in chunks[-1].text
    assert (chunks[-1].line_start, chunks[-1].line_end, chunks[-1].where) == (8, 11, "a.rst:8-11")
    assert cite(Hit(chunks[-1], 1.0)).where == "a.rst:8-11"


def test_ids_stay_when_another_document_changes():
    one, two, changed = (
        document(PROSE * 5),
        Document("b.md", "Old.", "B", "text", ""),
        Document("b.md", "New.", "B", "text", ""),
    )
    splitter = Splitter(COUNTERS["byte_level"], 40, 8)
    first, second = list(splitter.split([one, two])), list(splitter.split([changed, one]))
    assert [c.chunk_id for c in first[0]] == [c.chunk_id for c in second[1]]
    assert first[1][0].chunk_id != second[0][0].chunk_id
    assert len({c.chunk_id for c in first[0]}) == len(first[0])


def test_the_same_text_gives_the_same_chunks_in_any_company():
    texts = [PROSE * n for n in range(1, 6)]
    splitter = Splitter(COUNTERS["metaspace"], 40, 8)
    together = list(splitter.split([document(t) for t in texts]))
    apart = [split(t, 40, 8, "metaspace") for t in texts]
    assert digest_json(to_plain(together)) == digest_json(to_plain(apart))


def test_a_text_longer_than_one_encoded_piece():
    text = "".join(f"## Section {i}\n\n{PROSE}\n\n" for i in range(900))
    assert len(text) > 1 << 16
    check(text, split(text, 80, 8), 80, "byte_level")


def test_nitro(nitro: Path):
    texts = [p.read_text(encoding="utf-8") for p in sorted((nitro / "docs").rglob("*.md"))]
    documents = [document(t) for t in texts]
    for text, chunks in zip(texts, Splitter(COUNTERS["byte_level"], 300, 30).split(documents), strict=True):
        check(text, chunks, 300, "byte_level")


def test_every_token_has_its_place():
    text = PROSE * 3 + "漢字🙂"
    (starts,) = COUNTERS["byte_level"].starts([text])
    assert len(starts) == alone("byte_level", text)
    assert starts == sorted(starts)
    assert COUNTERS["byte_level"].counts([text, ""]) == [len(starts), 0]
