"""Descriptions of options, parameters and terms: what they say, whole, and in which form they can be asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from understudy.generate.extractive.grammar import (
    BASE_VERBS,
    BE,
    FINITE,
    OPENERS,
    PREPOSITIONS,
    clean_clause,
    has_pronoun,
    points_away,
    third_person,
)
from understudy.generate.extractive.lexicon import DETERMINERS, IMPERATIVE, NOT_FIRST, NOUNS_TOO, VERBS
from understudy.generate.text import clip, lower_first, sentences, upper_first
from understudy.normal import folded, words

Style = Literal["does", "is", "condition"]

_SELF = re.compile(
    r"^This (?:(?:option|parameter|setting|function|command|flag|variable|field|method|argument|directive|attribute|"
    r"property|keyword|value|pragma|routine|interface|module|class|statement|key) )?(?P<rest>.+)$",
    re.DOTALL,
)
_NO_START = re.compile(
    r"(?:see|(?:is )?an? (?:alias|synonym|shorthand|shortcut|short form)|"
    r"same as|the same|like|as|alias|synonym|deprecated|obsolete|this|that|these|those|it|they|not|"
    r"ditto|defaults?|"
    r"changed|added|new|removed|todo|note|example|and|or|but|with|without|for|in|on|at|from|because|you|we|i|yes|no|"
    r"inside|outside|within|under|beneath|between|beyond|above|below|through|upon|"
    r"neither|either|only|where|instead|rather|unlike|except|unless|until|usually|typically|normally|otherwise|once|after|before|"
    r"while|during|since|although|both|"
    r"(?:set|given|provided|used|chosen|filled in|passed) by|set (?:when|whenever|if|with|as|to|at|in|it|this)|"
    r"was|were|are|does|did|should|has|have|can|here|there|then|so|also|similar|identical|equivalent|analogous|short|used|reserved|unused|none|n/a)\b",
    re.IGNORECASE,
)
_QUESTION_WORDS = frozenset({"whether", "how", "where", "which", "what", "when", "if"})
_ARTICLES = frozenset({"a", "an", "the", "number", "maximum", "minimum", "path", "name", "list", "time", "size", "all"})
_NAMING = frozenset({"file", "index", "limit", "list", "name", "order", "number", "type", "value"})
"""Nouns that are verbs as well: before `of` they are nouns."""
_UNITS = r"(?:(?:milli|micro|nano)?seconds|minutes|hours|days|(?:kilo|mega)?bytes|pages|blocks|characters)"
_MEASURED = re.compile(
    r"(?:(?:total|maximum|minimum|maximal|minimal|average|optional|initial|current|default) )?(?:[a-z]+ )?"
    r"(?:timeout|interval|delay|duration|length|size|period|time|age|number|amount|count),?"
    rf" (?:of|in {_UNITS}|between|before|after|for)\b",
    re.IGNORECASE,
)
"""`Timeout in seconds for reading a block`, `total number of bytes sent`."""
_SINCE = re.compile(r"\s*\((?:since|added in|new in|available (?:since|in))\b[^()]*\)", re.IGNORECASE)
_LONGEST = 320
_NOUN_ENDING = re.compile(r"(?:tion|ment|ness|ity|ance|ence|er|or|ing|age|ism|ure)s?$")


@dataclass(frozen=True, slots=True)
class Description:
    """style: `does` for what has a verb first, in the third person; `is` for a noun phrase; else `condition`.

    text: the whole sentences that stand alone, at most 320 characters. head: the first of them without its full stop.
    """

    style: Style
    text: str
    head: str


def describe(value: str, flag: bool = False) -> Description | None:
    """A description read; None where it is cut, points elsewhere, or says too little.

    flag: it describes a command line's option, where `List files` is an instruction and no noun.
    """
    text = re.sub(r"^is (?=(?:the|an?) )", "", _SINCE.sub("", folded(value)), flags=re.IGNORECASE)
    own = _SELF.match(text)
    if own and own["rest"].split()[0] in VERBS:
        text = upper_first(own["rest"])
    elif own and re.match(r"is (?:the|an?) ", own["rest"]):
        text = upper_first(own["rest"][3:])
    if (
        _NO_START.match(text)
        or re.fullmatch(r"\([^()]*\)[.]?", text)
        or text.endswith((":", ",", ";", " like", " like."))
        or "|" in text
        or "\\`" in text
    ):
        return None
    if re.search(r"[a-z)][.]?\)[A-Z][a-z]|[a-z][.][A-Z][a-z]+ [a-z]", text):  # two cells in one
        return None
    kept: list[str] = []
    for start, end in sentences(text):
        sentence = text[start:end]
        if (
            points_away(sentence)
            or len(" ".join([*kept, sentence])) > _LONGEST
            or (
                kept
                and (
                    _is_remark(sentence)
                    or _instructs(sentence)
                    or (sentence.startswith(("If", "When")) and _then_told(sentence))
                )
            )
        ):
            break
        kept.append(sentence)
    rest = text[len(" ".join(kept)) :]
    if _CONDITION.search(rest) or _IF_SET.match(rest):
        return None  # what is left out takes back some of it, or says what another value does
    if _OF_ANOTHER.match(text) or (kept and _TO_READER.search(kept[0])):
        return None
    if kept and _LEAVES_OPEN.match(kept[0]) and (rest.strip() or len(kept) == 1):
        return None
    if not kept or len(words(kept[0])) < 2 or not _balanced(" ".join(kept)):
        return None
    style = _style(kept[0], flag)
    if style is None:
        return None
    if style == "does" and (
        kept[0].split()[1][:1] == "(" or "`" in kept[0].split()[0] or not clean_clause(kept[0].partition(" ")[2])
    ):
        return None  # a sentence about something else
    if style == "does" and _NO_ACT.match(text):
        return None  # what a thing needs is not what it is for
    if style == "condition" and ("," not in kept[0] or not _GIVEN.match(kept[0]) or _then_told(kept[0])):
        return None  # a condition without what follows, or with what is to be done
    if style == "does":
        kept[0] = in_third_person(kept[0])
        if _still_told(kept[0]):
            return None  # a second verb was left in the imperative
    head = clip(kept[0])
    return Description(style, clip(" ".join(kept)), head)


_NO_ACT = re.compile(
    r"(?:requires?|needs?|see|assumes?|attempts?|takes (?:an?|one|either|the special)|serves|allows for)\b",
    re.IGNORECASE,
)
_IF_SET = re.compile(
    r"\s*(?:(?:If|When) (?:(?:it is |this is )?(?:set|unset|not set|null|empty|omitted|enabled|disabled|true|false|"
    r"zero)\b|[`\"'])|(?:Possible|Valid|Allowed|Supported|Accepted) )",
)
_OF_ANOTHER = re.compile(
    r"(?:The|These|All|Both)(?: [\w.…`*-]+){1,4} (?:options|settings|parameters|variables|commands|flags|keys)\b|"
    r"(?:The|An?|[A-Z]\w+) (?:[\w'’-]+ ){0,4}(?:requires?|states?|says?|assumes?|guarantees?|implies) that\b"
)
_TO_READER = re.compile(r"\bif you (?:want|wish|need|like|have|are)\b|\b[A-Z]{4,} section\b")
"""Advice, or a place to read on."""
_LEAVES_OPEN = re.compile(
    r"(?:Determines?|Controls?|Specif(?:y|ies)|Defines?|Decides?|Selects?) "
    r"(?:how\b(?! (?:many|much|long|often|large|far))|the (?:handling|behaviou?r|way|method|strategy)\b)"
)
"""`Determines how messages are acknowledged`: the answer is what follows."""
_REMARK = re.compile(
    r"(?:Documentation|Docs|Reference|Guide|Manual) (?:for|of|on|about)\b|"
    r"(?:NOTE|NB|Note|Notes?:|WARNING|Warning:|Caution|Tip|Hint|Important|See also|Example)\b|"
    r"(?:(?:Further|More) )?(?:[Dd]etails|information) (?:is|are|can be)\b|.*\bin (?:section|chapter) \d"
)


def _is_remark(sentence: str) -> bool:
    """Whether a later sentence says nothing of the thing itself: a note, where more stands, or the head of a list."""
    return bool(_REMARK.match(sentence)) or (len(sentence.split()) < 4 and sentence[-1:].isalnum())


def _instructs(sentence: str) -> bool:
    """Whether a later sentence tells what to do: it is not said of the thing that is described."""
    first = sentence.split()[0].lower().strip('`"(,')
    return first in (IMPERATIVE | BASE_VERBS) - VERBS or first in (
        "instead",
        "specifically",
        "don't",
        "note",
        "you",
        "otherwise",
    )


_GIVEN = re.compile(
    r"(?:If|When|Whenever) (?:it is |this is )?(?:set|given|specified|provided|passed|enabled|disabled|defined|"
    r"true|false|True|False|present|used|omitted|not|unset|empty|`|\"|non-?zero|positive|negative|zero|yes|no|on\b|off\b|"
    r"the (?:option|flag|value|setting))"
)
"""A condition on what is described itself."""
_PLAIN_VERBS = "|".join(sorted((BASE_VERBS | IMPERATIVE) - VERBS - NOUNS_TOO - {"read", "set", "put"}))
_STILL_TOLD = re.compile(
    rf"(?:[,;]|\b(?:and|but|or|then)) (?:but |and |just |simply |only |also )?"
    rf"(?:do not|don't|(?:{_PLAIN_VERBS}|issue|exit|list|output|print)\b(?! of\b))"
)
_THEN_TOLD = re.compile(rf", (?:then |just |simply )?(?:do not|don't|(?:{_PLAIN_VERBS})\b)")
_THEN_VERB = re.compile(r", (?:then |just |simply )?(?P<v>[a-z]+)(?<![sy]) (?:an?|the|all|any|each|every|it|them) ")


def _then_told(sentence: str) -> bool:
    """Whether a condition is followed by what is to be done: `If given, interpret all paths ...`."""
    verb = _THEN_VERB.search(sentence)
    said = verb is not None and verb["v"] not in PREPOSITIONS | OPENERS | FINITE | {"all", "the", "unlike", "like"}
    plainly = re.search(r", (?:then |just |simply )?([a-z]+) (?!of\b|is\b|are\b|will\b|must\b|can\b)", sentence)
    told = plainly is not None and plainly[1] in (BASE_VERBS | IMPERATIVE) - VERBS - NOUNS_TOO | {"display", "use"}
    return said or told or _THEN_TOLD.search(sentence) is not None


def _still_told(sentence: str) -> bool:
    """Whether a verb in the imperative is left: `removes a folder or rename one`, but not `to add and remove`."""
    match = _STILL_TOLD.search(sentence)
    if match is None:
        return False
    before = sentence[: match.start()] + (" not" if " not " in sentence and match.group()[:2] in ("an", "or") else "")
    return not re.search(r"\b(?:to|can|will|may|must|should|let)\b| not$", before)


_CONDITION = re.compile(
    r"\b(?:only|must|unless|except|ignored|not (?:allowed|supported)|no effect|cannot|however|experimental|deprecated|"
    r"obsolete|otherwise|requires?)\b",
    re.IGNORECASE,
)
_VERB_FIRST = re.compile(r"[A-Za-z][a-z]+(?<!ing)(?<!ed)(?<!ly) (?:the|a|an|all|any|each|every) ")
_SENTENCE = re.compile(r"\b[a-z]{3,}s (?:the|a|an|all|any|its)\b")


def does_this(head: str, style: Style, noun: str) -> str:
    """A description as what follows `Which option ...`: `sets the number of layers`; empty where it cannot be said."""
    text = lower_first(clip(re.sub(r" ?\((?:[^)]*default[^)]*|repeatable|optional|required)\)", "", head)))
    if "," in text and any(word in FINITE for word in words(text.partition(",")[2])):
        return ""
    if style == "condition" or has_pronoun(text) or len(words(text)) > 22 or ";" in text:
        return ""
    if style == "does":
        return text
    first = words(text)[0]
    if first in _QUESTION_WORDS:
        return f"decides {text}" if noun in _SETS else ""
    article = "" if first in ("the", "a", "an", "all") or text.split()[0].endswith("s") else "the "
    verb = _VERB_OF.get(noun, "sets" if noun in _SETS else "")
    return f"{verb} {article}{text}" if verb else ""


_VERB_OF = {"metric": "shows"} | dict.fromkeys(
    ("path", "file", "folder", "directory", "column", "field", "attribute", "property", "key"), "holds"
)
_VERB_OF |= {"environment variable": "holds"}  # it is read as often as it is set
_VERB_OF |= dict.fromkeys(("pattern", "symbol", "code", "abbreviation", "term", "rule"), "stands for")
_SETS = frozenset({"parameter", "option", "setting", "flag", "variable", "environment variable", "argument", "key"})
_WHAT_IS_SET = frozenset(
    """
    format file directory path folder level name type mode size dir style encoding order interval timeout field
    """.split()  # noqa: SIM905
)
"""Nouns before which a word that may be a verb is none: `Output format`."""


def _style(sentence: str, flag: bool) -> Style | None:
    first = sentence.split()[0].strip("\"'(`").lower()
    second = sentence.split()[1].lower() if len(sentence.split()) > 1 else ""
    if first in ("if", "when", "whenever"):
        return "condition"
    if first in VERBS and second not in PREPOSITIONS | FINITE:
        return "does"
    third = sentence.split()[2].lower() if len(sentence.split()) > 2 else ""
    if (_MEASURED.match(sentence) and first != "set") or (first in _NAMING and second in ("of", "for")):
        return None if _has_main_verb(sentence) else "is"
    if first == "go" and sentence[0] == "G":
        return None  # a language
    if second.strip("(,") in _WHAT_IS_SET and first in BASE_VERBS - IMPERATIVE and not flag:
        return None  # `Notify level`
    if second in _WHAT_IS_SET and first in NOUNS_TOO:
        return "is"  # `Output format` is not put out
    if first in NOUNS_TOO and third == "of" and second not in DETERMINERS:
        return None  # `Start type of the service`
    if first in NOUNS_TOO and second not in DETERMINERS and (not flag or second in PREPOSITIONS):
        return None
    if len(sentence.split()[0]) > 1 and sentence.split()[0].strip("`").isupper():
        return None  # `MERGE statement` names a statement
    if (first in IMPERATIVE or first in BASE_VERBS) and second not in FINITE | {"of", "to"}:
        return "does" if not _NOUN_ENDING.search(first) or first in IMPERATIVE else None
    if first in IMPERATIVE or first in BASE_VERBS or first.endswith("ed"):
        return None
    if first in _QUESTION_WORDS:
        return "is"
    if _VERB_FIRST.match(sentence) and first not in _ARTICLES | PREPOSITIONS | OPENERS | NOT_FIRST:
        return "does"
    if any(t.lower() in FINITE for t in sentence.split()[:6]) or _has_main_verb(sentence):
        return None  # a sentence about something else
    if _SENTENCE.search(re.split(r"\b(?:that|which|who|where|when|if|whose)\b", sentence)[0]):
        return None  # a sentence about something else
    if first in _ARTICLES:
        return "is"
    if re.match(r"[A-Z]?[a-z]+s? (?:of|which|for|to|with) ", sentence):
        return "is"
    return None


def _has_main_verb(sentence: str) -> bool:
    """Whether a finite verb stands before any other clause opens: `The first argument to the call is required`."""
    for token in re.sub(r"\([^)]*\)|`[^`]*`", "", sentence).split():
        word = token.strip("\"'").lower()
        if word in OPENERS or word == "used" or word.endswith((",", ";")):
            return False
        if word in BE or word in ("has", "have", "can", "cannot", "must", "may", "will", "should"):
            return True
    return False


def in_third_person(sentence: str) -> str:
    """An instruction as what it does: `Print the list and exit` becomes `Prints the list and exits`."""
    first, _, rest = sentence.partition(" ")
    word = first.lower()
    if word in VERBS or (word.endswith("s") and not word.endswith("ss")):
        return sentence
    rest = re.sub(r"(,? (?:and|but|or|then)) do not\b", r"\1 does not", rest)
    rest = re.sub(
        r"\b(and then|and|then|but|or) ([a-z]+)(?= (?:the|a|an|all|it|its|them|any|each)\b)",
        lambda m: f"{m[1]} {third_person(m[2])}" if m[2] in (BASE_VERBS | IMPERATIVE) - VERBS else m.group(),
        rest,
    )
    rest = re.sub(
        r"^(and|or) ([a-z]+)\b", lambda m: f"{m[1]} {third_person(m[2])}" if m[2] in BASE_VERBS else m.group(), rest
    )
    rest = re.sub(r"\b(and|then) (exit|quit|stop|return|continue)\b", lambda m: f"{m[1]} {third_person(m[2])}", rest)
    return f"{third_person(first)} {rest}"


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")") and text.count("`") % 2 == 0 and text.count('"') % 2 == 0
