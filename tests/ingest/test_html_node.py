"""The tree that HTML is read from: shortcuts through it find what a walk of all of it finds, and it goes at once."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.ingest import html, html_depth
from understudy.ingest.base import SkipFile, Source
from understudy.ingest.html_content import content
from understudy.ingest.html_node import BITS, HAS_CODE, HAS_HEADING, HAS_LINK, HEADINGS, Node
from understudy.ingest.html_tree import Tree

TAGS = ("div", "p", "ul", "li", "h2", "pre", "code", "a", "nav", "table", "tr", "td", "span", "b", "label")
CLASSES = ("", "sr-only", "title", "k", "linenos", "note", "toc", "main")
elements = st.recursive(
    st.sampled_from(["words of it", " ", "\n  ", "¶", "1", "✓", "Next", "a_b"]),
    lambda inside: st.builds(
        lambda tag, name, kids: (
            f"<{tag}{f' class={name}' if name else ''}{' href=#a' if tag == 'a' else ''}>{''.join(kids)}</{tag}>"
        ),
        st.sampled_from(TAGS),
        st.sampled_from(CLASSES),
        st.lists(inside, max_size=4),
    ),
    max_leaves=25,
)
pages = st.lists(elements, min_size=1, max_size=6).map("".join)


def read(page: str) -> html.Page:
    return html.read(Source(Path("page.html"), page.encode()))


@settings(max_examples=150, deadline=None)
@given(pages)
def test_shortcuts_find_what_a_walk_finds_before_and_after_furniture_is_taken_out(page: str) -> None:
    def check(root: Node) -> None:
        for node in root.walk():
            inside = [n for n in node.walk() if n is not node]
            for bit in (HAS_HEADING, HAS_CODE, HAS_LINK):
                named = [n for n in inside if BITS.get(n.tag, 0) & bit]
                assert node.has(bit) == bool(named)
                own = [node] if BITS.get(node.tag, 0) & bit else []
                assert list(node.all(bit)) == [*own, *named]
            assert node.words == sum(n.words for n in node.walk() if not n.tag)

    tree = Tree(page)
    check(tree.body)
    root, _ = content(tree)
    check(root)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["<p>a b</p>", "<ul><li>c</li></ul>", "<h2>T</h2>", "<pre>x\n y</pre>"]), min_size=1))
def test_white_space_between_blocks_is_nothing(blocks: list[str]) -> None:
    loose = "\n   " + "\n   ".join(blocks).replace("<ul><li>", "<ul>\n<li>")
    page = f"<div><div>{loose}\n</div>\n</div>"
    assert read(page).text == read("".join(["<div><div>", *blocks, "</div></div>"])).text
    assert not [n for n in Tree(f"<div>{loose}</div>").order if n.text.isspace()]


@pytest.mark.parametrize("sign", ["✓", "→", "☃"])
def test_a_sign_in_code_is_kept_whatever_colours_it(sign: str) -> None:
    text = read(
        f"<h1>T</h1><p>Shows <code><span class=pre>{sign}</span></code>, <kbd class=key>{sign}</kbd> when done.</p>"
        f'<pre><span class="k">echo</span> <span class="s1">{sign}</span>\n</pre>'
    ).text
    assert f"Shows `{sign}`, `{sign}` when done." in text
    assert f"```\necho {sign}\n```" in text


def test_what_a_class_says_of_code_besides_its_colour_counts() -> None:
    text = read(
        '<h1>T</h1><pre><span class="linenos">1</span><span class="nb">cd</span> <span class="tooltip-text">i</span>a'
        '<span id="there" class="k">b</span></pre>'
    ).text
    assert "```\ncd ab\n```" in text


def test_words_of_coloured_code_are_counted_piece_by_piece() -> None:
    tree = Tree("<pre><span class=n>a</span><span class=o>.</span><span class=n>b</span> c<!-- x -->d</pre>")
    pre = next(n for n in tree.order if n.tag == "pre")
    assert [n.text for n in pre.kids] == ["a.b cd"]
    assert pre.words == 3


tags = st.sampled_from(
    ["<div>", "</div>", "<SPAN class=a>", "</span>", "<ul>", "</ul >", "<p>", "<br>", "<my-tag>", "a"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(tags, st.integers(1, 700)), max_size=8))
def test_depth_is_judged_as_by_counting_tag_by_tag(runs: list[tuple[str, int]]) -> None:
    page = "".join(tag * n for tag, n in runs)

    def judged() -> str:
        try:
            html_depth.check_depth(page)
        except SkipFile as skip:
            return skip.detail
        return ""

    with pytest.MonkeyPatch.context() as patch:
        quick = judged()
        patch.setattr(html_depth, "_may_be_deep", lambda text: True)
        assert quick == judged()


@pytest.mark.parametrize("page", ["<h1>T</h1><p>Words.</p>" * 50, "<div>" * 600], ids=["read", "refused"])
def test_the_collector_is_as_it_was_and_has_nothing_to_do(page: str) -> None:
    def nodes() -> int:
        return sum(isinstance(o, Node) for o in gc.get_objects())

    gc.collect()
    before = nodes()
    try:
        gc.disable()
        if page.startswith("<div>"):
            with pytest.raises(SkipFile):
                read(page)
        else:
            assert read(page).text.count("# T") == 50
        assert not gc.isenabled()
        assert nodes() == before
    finally:
        gc.enable()
    if not page.startswith("<div>"):
        read(page)
    assert gc.isenabled()


def test_headings_are_known_by_their_bit() -> None:
    assert {tag for tag, bit in BITS.items() if bit == HAS_HEADING} == HEADINGS


def test_an_element_without_a_name_spoils_no_later_page() -> None:
    page = "<html><body><nav><a href=x>n</a></nav><main><h1>Kettle</h1><p>Boils water.</p>{}</main></body></html>"
    plain = read(page.format("")).text
    assert "steam" in read(page.format("<aside: a=b>Mind<b>the</b>steam.</aside:>")).text
    assert read(page.format("")).text == plain
