"""Claims of prose: one sentence, one claim, and only where it names one thing and leans on nothing elsewhere."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import replace

from understudy.generate.extractive.claims import Claim, Location, part_of
from understudy.generate.extractive.corpus import Corpus
from understudy.generate.extractive.grammar import (
    PREPOSITIONS,
    has_pronoun,
    is_identifier,
    is_noun_phrase,
    is_statement,
    points_away,
    says_little,
)
from understudy.generate.extractive.lexicon import DETERMINERS, NEEDED
from understudy.generate.extractive.mentions import said_before, spoken_of
from understudy.generate.extractive.owners import known_by_itself
from understudy.generate.extractive.polar import by_polar
from understudy.generate.extractive.precision import OFF
from understudy.generate.extractive.predicates import by_act, by_adjunct, by_name, by_relation_verb, by_same, by_since
from understudy.generate.extractive.sentence_forms import Draft, read_statement
from understudy.generate.text import bare, clip, lower_first, plain, sentences
from understudy.generate.values import PRECISE, value_type
from understudy.normal import normal, words

_LABEL = re.compile(
    r"^(?:(?:NOTE|Note|Tip|TIP|Warning|WARNING|Important|Caution):\s*|(?:Please )?[Nn]ote that )(?P<next>.)"
)
_CONDITION = re.compile(r"(?:If|When|Unless|Whenever|Suppose|Once|While|Without|In (?:this|that|such)|For example)\b")
"""What a sentence after it may hold for only."""
_CONDITIONAL = re.compile(
    r"(?:If|When|Unless|On|With|Without|Using|For|In|Under|From|Running|Upgrading|Migrating|After|Before)\b",
    re.IGNORECASE,
)
"""Headings under which all holds for one case."""
_SPELLED = re.compile(r"(?P<v>(?:[A-Z][\w]*[ -]){1,5}[A-Z]\w*) \((?P<s>[A-Z]{2,8})\)")


def prose_claims(text: str, offset: int, location: Location, about: str = "") -> Iterator[Claim]:
    """Claims of a paragraph; `text` stands in the document at `offset`, as it is.

    about: the subject of the section, which `The port is 80.` speaks of.
    """
    first, said = True, ""
    for start, end in sentences(text):
        before, said = said, plain(text[start:end])
        span = offset + start, offset + end
        yield from _abbreviations(said, *span, location)
        flat = _LABEL.sub(lambda m: m["next"].upper(), said)
        if is_statement(flat):
            drafts = sorted(
                _readings(clip(flat), location.corpus.verbs, about, first),
                key=lambda d: d.form.partition(":")[0] in OFF,
            )
            depends = _CONDITION.match(before) is not None or _CONDITIONAL.match(location.section) is not None
            sure = [d for d in drafts if not depends or is_identifier(_own(d.subject, location))]
            admitted = next((draft for draft in sure if _admitted(draft, location, span[0])), None)
            if admitted is not None:
                yield _claim(admitted, *span, location)
            else:
                spare = drafts or list(read_statement(clip(flat), location.corpus.verbs, about, True))
                spare = [d for d in spare if d.type != "boolean" and not points_away(d.value)]
                if spare and not has_pronoun(spare[0].value.split()[0]):
                    yield replace(_claim(spare[0], *span, location), asked=False)
        first = False


def _readings(statement: str, verbs: Container[str], about: str, first: bool) -> Iterator[Draft]:
    """Every form in which a statement can be asked for, the surest first."""
    yield from read_statement(statement, verbs, about, first)
    for read in (by_since, by_same, by_relation_verb, by_name, by_polar):
        draft = read(statement)
        if draft is not None:
            yield draft
    yield from by_adjunct(statement, verbs)
    acts = by_act(statement, verbs)
    if acts is not None:
        yield acts


def named(subject: str, location: Location) -> str:
    """A subject in the middle of a question: `The relay` becomes `the relay`, names stay."""
    first, _, rest = subject.partition(" ")
    if first == "The" and re.fullmatch(r"`?[\w.:]+\(\)`?", rest):
        return rest
    if first in ("The", "A", "An"):
        return f"{first.lower()} {rest}"
    if first.removesuffix("'s") in {*location.names, location.corpus.product}:
        return subject
    if not rest:  # one capitalised word may be a name
        return lower_first(subject) if subject.lower() in location.common else subject
    known = rest[:1].islower() or first.lower() in location.common
    return lower_first(subject) if known and first[:1] != "`" else subject


def _owned(draft: Draft, location: Location) -> str:
    """A draft's subject; a part of what the section is about says so: `` the `flat` argument of `values()` ``."""
    subject = named(draft.subject, location)
    owned = part_of(subject) or _lone(draft.subject)
    owner = location.owner_of(subject) or (location.thing_of(subject) if owned else "")
    return f"{subject} of {owner}" if owner and owned else subject


def _lone(subject: str) -> bool:
    """Whether a subject is a bare name of one or two parts: somebody's field or variable."""
    return bool(re.fullmatch(r"`[A-Za-z]*[a-z]\w*`|[a-z]+(?:_[a-z0-9]+)+", subject)) and not known_by_itself(subject)


_ONE_OF_MANY = frozenset(
    {"supports", "provides", "offers", "includes", "uses", "employs", "needs", "manages", "accepts"}
)
"""Verbs of which a thing has many objects: a sentence names one."""
_DETAIL = re.compile(
    r"\b(?:by default|automatically|also|always|never|simply|only|still|already|now|usually|supports)\b"
)
_SETTING = re.compile(r"(?:[Tt]he )?(?:[\w-]+ ){0,2}(?:`[^`]+`|[\w.-]*[_.][\w.-]+|--[\w-]+)(?: [\w-]+){0,2}")
_PRAISE = re.compile(
    r"(?:an?|the|one of the) (?:\w+ly )?(?:important|essential|excellent|popular|powerful|rich|brand|useful|nice|handy|"
    r"new|recently \w+|fairly \w+|modern|simple|great|good|"
    r"convenient|wonderful|fantastic|perfect|crucial|critical|vital|core|heart|compatible|fundamental|central|special|"
    r"typical|common|natural|complex|no-op|trick|way|logical|valid|generali[sz]ation|extension|bit|subset|superset|"
    r"variant|variation|part|piece|kind of)\b",
    re.IGNORECASE,
)


_SAMPLE = re.compile(r"(?<![\w.])`?(?:my|foo|bar|baz|example|sample|dummy|demo|hello|your)(?![a-z])", re.IGNORECASE)
"""A name of an example's."""


def _foreign(subject: str, corpus: Corpus) -> bool:
    """Whether a subject is the name of something else than what is documented: `MySQL` in the manual of another."""
    if not corpus.product or normal(subject) == normal(corpus.product):
        return False
    if re.search(r"\b(?:[Ss]tandard|specification)\b", subject):
        return True
    name = re.fullmatch(r"(?:The |Standard )?[A-Z][A-Za-z0-9.+-]*(?: (?:and )?[A-Z][A-Za-z0-9.+-]*){0,3}", subject)
    return bool(name) and normal(subject) not in corpus.titles


def _defines(draft: Draft, location: Location) -> bool:
    """Whether a sentence says what a thing is: the thing is a name, a heading or a kind, and the words no praise."""
    if _PRAISE.match(draft.value) or re.match(r"The [a-z]+$", draft.subject):
        return False
    if re.match(r"An? (?:common|good|typical|simple|popular|better|clear|single|new)\b", draft.subject):
        return False
    if is_identifier(_own(draft.subject, location)) or draft.subject.startswith(("A ", "An ")):
        return True
    if _is_name(draft.subject, location):
        return True
    inner = normal(re.sub(r"^The ", "", draft.subject))
    return inner in location.corpus.titles or inner in location.corpus.pages or draft.words["be"] == "are"


def clear_goal(goal: str) -> bool:
    """Whether a goal can be asked for alone: more than a verb, and nothing that points elsewhere."""
    if re.search(r"\b(?:do|does) (?:that|so)\b|\bthat(?: [\w-]+)?$", goal):
        return False
    return len(words(goal)) > 1 and not points_away(goal) and not has_pronoun(goal)


def _claim(draft: Draft, start: int, end: int, location: Location) -> Claim:
    if draft.form in ("polar", "possible"):
        return _polar(draft, start, end, location)
    kind = draft.type or value_type(draft.value, draft.attribute)
    value = bare(draft.value) if kind in PRECISE else draft.value
    extra = {**draft.words, "goal": draft.goal} if draft.goal else draft.words
    weak = _weak(draft, location)
    subject = _owned(draft, location)
    return Claim(draft.form, subject, draft.attribute, value, start, end, location, kind, weak, draft.answer, extra)


def _weak(draft: Draft, location: Location) -> bool:
    """Whether the question must name the program: programs share their flags, and their `ping command`."""
    flag = re.search(r"(?<!\w)--?[A-Za-z]|\boption$", draft.subject) or part_of(draft.subject)
    return bool(location.program and (flag or not (location.corpus.product or is_identifier(draft.subject))))


def _polar(draft: Draft, start: int, end: int, location: Location) -> Claim:
    """The answer is yes or no, and the sentence."""
    subject = _owned(draft, location)
    told = subject + draft.value[len(draft.subject) :] if draft.value.startswith(draft.subject) else draft.value
    answer = f"{draft.words['yes']}, {told if told is not draft.value else lower_first(told)}."
    kind, weak = draft.type, _weak(draft, location)
    return Claim(draft.form, subject, draft.attribute, answer, start, end, location, kind, weak, answer, draft.words)


def _admitted(draft: Draft, location: Location, at: int) -> bool:
    """Whether the question will name one thing, and the answer lean on nothing that stands elsewhere."""
    corpus = location.corpus
    if draft.form == "called":
        return not (points_away(draft.subject) or has_pronoun(draft.subject)) and _known_things(draft.subject, location)
    if draft.subject:
        if not is_noun_phrase(draft.subject) or not corpus.is_specific(draft.subject):
            return False
        if re.search(
            r"[A-Za-z] \d[\d.]*$|^(?:Table|Figure|Chapter|Section|Example|Listing|Step|Part) \S+$", draft.subject
        ):
            return False  # `Connection 1` belongs to an example
        if re.match(r"`?['\"]|(?:The |the )?(?:optional|initial|leading)\b|Setting\b|.* The\b|.*<", draft.subject):
            return False
        if draft.subject[:2] in ("--", "`-") and not (location.program or location.owner_of("")):
            return False  # whose option?
        if re.search(r"\bexamples?\b", draft.value):
            return False
        if re.fullmatch(r"`\w{1,3}`", draft.subject) or (draft.form == "object" and _is_name(draft.subject, location)):
            return False
        set_by_name = draft.form == "default" and re.search(r"[a-z][_.-][a-z]|[a-z][A-Z]", draft.subject)
        if (
            not set_by_name
            and _lone(draft.subject)
            and normal(draft.subject) not in corpus.pages
            and not (location.program or location.owner_of("") or location.thing_of(draft.subject))
        ):
            return False  # whose?
        if re.search(r" (?:used|given|passed|returned|set)$|\(\w*[^)]|[(]\d", draft.subject.replace("()", "")):
            return False
        named = draft.form in ("definition", "does", "object")
        if re.search(r"\b[a-z]+\d+\b|\bv?\d+\.\d+", draft.subject) and named and "`" not in draft.subject.split()[-1]:
            return False  # an example's table, a version
        if corpus.product and draft.subject.endswith((f" in {corpus.product}", f" of {corpus.product}")):
            return False
        if draft.form in ("does", "object") and " because " in draft.answer:
            return False
        if ";" in draft.answer or re.search(r", not\b|\bnot just\b|\brather than\b", draft.value[:120]):
            return False
        if draft.form == "definition" and re.search(r"\b(?:only|main|primary|best|material)\b", draft.subject):
            return False
        if draft.form == "does" and not (
            is_identifier(_own(draft.subject, location)) or _is_name(draft.subject, location)
        ):
            return False
        if draft.form == "controlled" and not is_identifier(draft.value):
            return False  # one way of several
        if draft.form == "default" and not _SETTING.fullmatch(draft.subject):
            return False
        if draft.form in ("located", "controlled", "when", "why", "used") and not _narrow(draft.subject, location):
            return False
        if draft.form == "default" and not is_identifier(draft.subject.replace(corpus.product or "\0", "")):
            return False
        if draft.form == "default" and " " in draft.value and value_type(draft.value) not in PRECISE:
            return False
        if draft.form == "attribute" and re.fullmatch(r"`?[A-Za-z]`?", draft.value):
            return False  # a letter that stands for a value
        if draft.form.startswith("relation") and value_type(draft.value) not in PRECISE:
            return False
        if _foreign(draft.subject, corpus) or (
            part_of(draft.subject)
            and not (location.owner_of(draft.subject) or location.program or location.thing_of(draft.subject))
        ):
            return False
        if draft.form in ("definition", "does", "object") and said_before(draft.subject, at, location.document.text):
            return False  # a later sentence tells one thing of several
        if draft.form == "does" and spoken_of(draft.subject, at, location.document.text):
            return False
        if _SAMPLE.search(draft.subject):
            return False
        if draft.form == "definition" and not _defines(draft, location):
            return False
        if draft.form == "object" and draft.attribute in _ONE_OF_MANY:
            return False
        if draft.form == "does" and _DETAIL.search(" ".join(draft.answer.split()[:8])):
            return False
        if draft.form == "does" and re.match(
            r"\w+ (?:an? )?(?:different|other|another|some|similar|same)\b", draft.value
        ):
            return False
        if draft.form in ("manner", "aim", "timing"):
            return _clear_adjunct(draft, location)
        if draft.form in ("polar", "possible"):
            return _clear_polar(draft, location)
        if draft.form == "relates" and says_little(draft.subject, draft.value):
            return False
        if draft.form in ("acts", "relates", "same") and not (
            _narrow(draft.subject, location) and _known_things(draft.value, location, draft.subject)
        ):
            return False
        if draft.form in ("does", "object", "acts") and not _one_thing(draft.subject, location):
            return False
    if draft.goal and draft.form in ("howto", "command") and draft.goal.split()[0] in _NO_VERBS:
        return False
    if "use" in draft.words and draft.value.split()[0] in corpus.common:
        return False  # `inline end` is written, not run
    known = draft.form == "command" or _known_things(draft.goal, location)
    if draft.goal and not (clear_goal(draft.goal) and known):
        return False
    value = draft.value
    if draft.form == "default" and value.lower() in NEEDED:
        return False
    if draft.form in ("howto", "advice") and (_LOOK_UP.match(value) or "also" in words(value)):
        return False
    if draft.form == "used" and value.startswith("to be "):
        return False
    if points_away(value) or (not draft.subject and not draft.goal):
        return False
    if draft.form in ("howto", "advice", "located", "controlled", "when", "why"):
        opening = " ".join(
            re.sub(r"^(?:if|when|unless|until|because|by|in|to|only|at|with) ", "", value.lower()).split()[:2]
        )
        if has_pronoun(opening):
            return False
    if draft.form == "when":
        return _known_things(value, location, draft.subject) and not _BARE_THING.search(value)
    if draft.form != "condition":
        return True
    if re.search(r"\b(?:was|were|had)\b", draft.goal):
        return False
    opening = draft.goal.split()[0]
    whole = opening.lower() in _OPENINGS or not opening.islower() or opening.endswith("s")
    if not whole or " then " in draft.goal or _BARE_THING.search(draft.goal):
        return False
    return is_identifier(draft.goal) and _known_things(value, location, draft.goal)


def _clear_adjunct(draft: Draft, location: Location) -> bool:
    """Whether a question of how, why or when does names things that are known, and its answer leans on nothing else."""
    own = normal(draft.subject) == normal(location.corpus.product)
    if not own and not _narrow(draft.subject, location):
        return False
    if points_away(draft.answer) or has_pronoun(" ".join(draft.value.split()[:3])) or _BARE_THING.search(draft.value):
        return False
    return _known_things(draft.attribute, location, draft.subject) and len(words(draft.attribute)) > 1 + own


def _clear_polar(draft: Draft, location: Location) -> bool:
    """Whether a question of yes or no is about known things, and not about what the product is like as a whole."""
    rest = draft.words["rest"]
    if re.match(r"an? ", rest) and not (is_identifier(_own(draft.subject, location)) or is_identifier(rest)):
        return False  # `not an afterthought`
    if re.search(r"\(nor\b|^to be\b|\bthe same\b|\banything\b|\bmerely\b", rest):
        return False
    if _BARE_THING.search(rest) or not _known_things(rest, location, draft.subject):
        return False
    if normal(draft.subject) == normal(location.corpus.product):
        vague = re.match(
            r"(?:try|promise|designed|attempt|aim|intend|want|need|care|assume|make|know|think|expect)\b", rest
        )
        return not vague and (is_identifier(rest) or len(words(rest)) > 3)
    return _narrow(draft.subject, location)


_OPENINGS = frozenset(["the", "a", "an", "i", "no", "any", "all", "every", "each", "multiple", "more"])
_BARE_THING = re.compile(
    r"\bthe (?!(?:database|application|server|client|user|system|disk|network|program|service|host|kernel|cluster)\b)"
    r"[a-z]+ (?:is|are|was|were|has|have|does|do|can|cannot|must|will|returns?|contains?)\b"
)


_NO_VERBS = DETERMINERS | PREPOSITIONS | {"my", "be", "some", "other"}
_LOOK_UP = re.compile(r"(?:see|refer|read|consult|check|review|look|visit|note)\b", re.IGNORECASE)


def _one_thing(subject: str, location: Location) -> bool:
    """Whether a subject is so narrow that one sentence says what it does: a command, a function, a parameter."""
    if normal(subject.removeprefix("The ")) == normal(location.corpus.product) or subject.startswith(("A ", "An ")):
        return False
    if _is_name(subject, location) or is_identifier(_own(subject, location)):
        return True
    inner = normal(subject.removeprefix("The ").removeprefix("the "))
    return inner in location.corpus.pages or (" " in inner and inner in location.corpus.titles)


def _own(subject: str, location: Location) -> str:
    """A subject without the product's name, which every subject of its manual may carry."""
    product = location.corpus.product
    return re.sub(rf"\b{re.escape(product)}(?:'s)?", "", subject).strip() if product else subject


def _is_name(subject: str, location: Location) -> bool:
    """Whether a subject is one word that is never written in lower case."""
    return bool(re.fullmatch(r"[A-Z][\w-]+", subject)) and subject.lower() not in location.corpus.common


def _narrow(subject: str, location: Location) -> bool:
    """Whether a subject says more than a kind: `a damaged pack`, `the WAL file`, but not `an error`."""
    if normal(subject) == normal(location.corpus.product):
        return False
    if _is_name(subject, location) or is_identifier(_own(subject, location)):
        return True
    return len(words(re.sub(r"^(?:the|an?) ", "", subject, flags=re.IGNORECASE))) > 1


def _known_things(text: str, location: Location, said: str = "") -> bool:
    """Whether every `the X` of a text is a thing of the whole manual, or was named just before."""
    told = set(words(said))
    for match in re.finditer(r"\bthe ((?:[\w`'-]+ ){0,2}[\w`'-]+)", text):
        inner = words(match[1])
        if not inner or set(inner) & told or is_identifier(match[1]):
            continue
        if not location.corpus.speaks_of(" ".join(inner)):
            return False
    return True


def _abbreviations(flat: str, start: int, end: int, location: Location) -> Iterator[Claim]:
    for match in _SPELLED.finditer(flat):
        parts = re.split(r"(?<=[ -])", match["v"])[-len(match["s"]) :]
        if "".join(part[0] for part in parts).upper() == match["s"]:
            spelled = "".join(parts)
            yield Claim("abbreviation", match["s"], "abbreviation", spelled, start, end, location, "name")
