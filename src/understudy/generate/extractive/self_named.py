"""The product's name out of how a documentation speaks of itself: where its sources lie, what it says it is."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from understudy.generate.base import Page
from understudy.generate.extractive.site_names import FIRST_PAGES, NO_NAME, prose_of

_SHARES = {2: 1 / 2, 3: 1 / 3}  # of the pages must say a name that so many things speak for
_MOST_LINKED = 3  # repositories and hosts that may be its own
_BARE = 3  # a name stands so many times as often without an article as with one

_REPOSITORY = re.compile(
    r"(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)[/:][\w.-]{2,40}/([\w.-]{2,60}?)(?=\.git\b|[^\w.-]|$)"
)
_HOST = re.compile(
    r"https?://(?:(?:www|docs?|demo|forum|community|blog|wiki)\.)?([a-z0-9-]{3,30})\.[a-z]{2,6}(?=[/\s)>\"'#]|$)"
)
_DEFINED = re.compile(
    r"^[ \t]*[*_`\[]{0,3}((?!The |This |That |It |There |Here |What )"
    r"[A-Za-z][\w.+-]{2,25}(?: (?:the |of |for )?[A-Z][\w-]{1,20}){0,2})[*_`\]]{0,3}(?:\([^)\n]{1,200}\))? is "
    r"(?:an?|the|our) ",
    re.MULTILINE,
)
_NO_HOST = frozenset(
    """
    github gitlab codeberg bitbucket example localhost google youtube wikipedia readthedocs githubusercontent twitter
    stackoverflow stackexchange reddit pypi npmjs docker apache debian ubuntu gnu python microsoft apple amazon mozilla
    kernel freedesktop letsencrypt cloudflare discord gitter slack medium shields img badge travis-ci codecov ietf w3
    rfc-editor
    """.split()  # noqa: SIM905
)
_DETERMINERS = r"(?:an?|the|your|each|every|this|any|no|new|own|its|our|their|another|that|one|my|some|these|two|other)"
_ATTRIBUTIVE = r" (?!(?:is|are|was|has|can|will|of|to|in|on|at|by|as|and|or|for|from|that|which|with|when|if)\b)[a-z]"
"""After a name: a word that it belongs to, as in `your relay server`."""


def self_named_product(pages: Sequence[Page]) -> str:
    """The name that two of three give: the repository or host that is linked most, a sentence that begins with it and
    `is a`, the title of a first page; where half of at least five pages say it without an article (a third, where all
    three give it). Empty where there is none.
    """
    if len(pages) < 5:
        return ""
    evidence: defaultdict[str, set[str]] = defaultdict(set)
    for kind, name in _claimed(pages):
        letters = _letters(name)
        if len(letters) >= 3 and "_" not in name and not set(re.findall(r"[a-z]+", name.lower())) <= NO_NAME:
            evidence[letters].add(kind)
    prose = prose_of(pages)
    best, most = "", (0.0, 0)
    for letters, kinds in evidence.items():
        if len(kinds) < 2:
            continue
        name, share = _as_spelled(letters, prose)
        if share >= _SHARES[len(kinds)] and (share, len(kinds)) > most:
            best, most = name, (share, len(kinds))
    return best


def _claimed(pages: Sequence[Page]) -> Iterator[tuple[str, str]]:
    """Names with what makes them likely."""
    linked: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    for page in pages:
        text = page.document.text
        linked.update(set(_REPOSITORY.findall(text)))
        hosts.update(set(_HOST.findall(text)) - _NO_HOST)
        for name in _DEFINED.findall(f"{text}\n{page.document.metadata.get('description', '')}"):
            yield "defined", name
    for counted in (linked, hosts):
        for name, count in counted.most_common(_MOST_LINKED):
            if count > 1:
                yield "linked", name
                yield "linked", re.split(r"[-_.]", name)[0]
    first = [
        page.document
        for page in pages
        if PurePosixPath(page.document.doc_id).stem.lower().strip("_").split(".")[0] in _FIRST
    ]
    depth = min((document.doc_id.count("/") for document in first), default=0)
    for document in first:
        words = re.findall(r"[A-Za-z][\w.+-]+", document.title)
        if document.doc_id.count("/") == depth or len(words) == 1:
            yield from (("titled", word) for word in words)


_FIRST = FIRST_PAGES | {"faq"}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _as_spelled(letters: str, prose: Sequence[str]) -> tuple[str, float]:
    """How most pages spell a name, as one word or several, and the share of pages that say it without an article.

    The share is 0 where it stands too often after an article: then it is a common noun.
    """
    spelled = r"[ -]?".join(map(re.escape, letters))
    said = re.compile(
        rf"(?<![\w./@:-])({_DETERMINERS} +)?[*_`\"]*(?<![\w./@:-])({spelled})(?![\w/@-]|\.\w)({_ATTRIBUTIVE})?",
        re.IGNORECASE,
    )
    spellings: Counter[str] = Counter()
    bare_pages, bare, determined = 0, 0, 0
    for text in prose:
        found = [(m[1], m[2], m[3]) for m in said.finditer(text)]
        alone = [name for article, name, _ in found if not article]
        spellings.update(alone)
        bare_pages += bool(alone)
        bare += len(alone)
        determined += sum(bool(article) and not thing for article, _, thing in found)
    if not spellings or bare < _BARE * determined:
        return "", 0.0
    return spellings.most_common(1)[0][0], bare_pages / len(prose)
