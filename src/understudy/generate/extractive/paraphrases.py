"""From a claim to its asks: the templates of its form filled in, and the answer as pair and as option."""

from __future__ import annotations

import re
from dataclasses import replace

from understudy.generate.base import Ask
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.descriptions import does_this, in_third_person
from understudy.generate.extractive.examined import MANY, SENTENCES, examinable, sort_of
from understudy.generate.extractive.grammar import BASE_VERBS, has_pronoun, is_identifier
from understudy.generate.extractive.lexicon import IMPERATIVE, NOUNS
from understudy.generate.extractive.relations import RELATIONS
from understudy.generate.extractive.templates import BACKWARD, FORWARD
from understudy.generate.forms import form_of
from understudy.generate.text import bare, clip, lower_first, upper_first
from understudy.generate.values import PRECISE
from understudy.normal import normal, words

_KINDS = {"howto": "howto", "command": "howto", "steps": "howto", "advice": "howto", "condition": "applied"}
_SETS = frozenset({"parameter", "option", "setting", "flag", "variable", "environment variable", "argument"})
_PLAIN_FLAGS = frozenset({"--help", "--version", "--verbose", "--quiet", "-help", "-version", "--usage"})
_CALLED = re.compile(
    rf"[Tt]he `?[^ ]+`? (?P<n>{'|'.join(NOUNS)}|function|pragma|statement|clause|class|module|interface)"
)


def asks(claim: Claim, context: str, one_way: bool) -> tuple[Ask, ...]:
    """The asks of a claim with a context in its questions.

    one_way: the value does not determine the subject in this corpus, so that nothing is asked in reverse.
    """
    fields = {
        "s": claim.subject,
        "a": claim.attribute,
        "v": claim.value,
        "n": "one",
        "be": "is",
        "if": "if",
        "c": context,
    }
    fields["p"] = f"{upper_first(context.strip())}, " if context else ""
    fields |= claim.words
    if fields.get("base", "").endswith(" in"):
        fields["c"] = f",{context}" if context else ""  # `What does it result in, in Heron?`
    if bare(claim.subject).split(" ")[-1] in _PLAIN_FLAGS:
        return ()  # everybody knows
    if "question" in fields:
        asked, where = fields["question"], fields["p"]
        fields["Question"] = f"{where}{lower_first(asked)}" if where else asked
    if "goal" in fields:
        fields["Goal"] = upper_first(fields["goal"])
    nothing = _says_nothing(claim)
    found = [] if nothing else [_forward(claim, fields)]
    # `save` saves the network: asked in reverse, a word that is also a verb is answered by its own sound
    repeats = nothing and fields["n"] not in _SETS | {"option", "flag", "command", "one", "method", "function"}
    repeats = repeats or (fields["n"] in _SETS | {"field", "column", "key"} and _told(claim) <= _stems(claim.subject))
    if not one_way and not repeats:
        found += _backward(claim, fields)
    if not examinable(claim, context):
        found = [replace(ask, examined=False) for ask in found]
    return tuple(ask for ask in found if ask.questions)


def kind_of(claim: Claim) -> str:
    """The name under which the precision of a claim is measured: its form, `relation` for all relations, `described`
    for a term that nobody sets (an attribute, an event, a variable)."""
    form = claim.form.partition(":")[0]
    return "described" if form == "term" and claim.words.get("n", "one") not in _SETS - {"variable"} else form


def option_of(claim: Claim) -> str:
    """The value of a claim as an option of a multiple-choice item: of a description its first sentence."""
    value = claim.words.get("head", claim.value) if claim.form in ("purpose", "term") else claim.value
    option = bare(value) if claim.type in PRECISE else clip(value).replace("`", "")
    first, _, rest = option.partition(" ")
    opens = rest and first.isalpha() and first.islower() and form_of(option) != "sentence"
    return upper_first(option) if claim.type in SENTENCES or (opens and claim.type != "command") else option


_DECIDES = re.compile(r"(?:whether|how|which|when|where|if)\b", re.IGNORECASE)


def _forward(claim: Claim, fields: dict[str, str]) -> Ask:
    form, _, number = claim.form.partition(":")
    asked_as = "howto" if form == "faq" and "goal" in fields else form
    if form == "term" and (fields["n"] in _SETS or fields.get("head", "").lower().startswith(("whether", "how "))):
        asked_as = "sets"
    if asked_as == "sets" and bare(claim.subject).split()[-1].isupper() and fields["n"] != "environment variable":
        asked_as = "term"  # a constant sets nothing
    elif asked_as == "sets" and fields["n"] not in _SETS:
        asked_as = "tells"
    elif asked_as == "sets" and fields["n"].endswith("variable") and not _DECIDES.match(fields.get("head", "")):
        asked_as = "holds"
    templates = RELATIONS[int(number)].forward if number else FORWARD[asked_as]
    option = option_of(claim)
    if form in ("purpose", "term") and not claim.answer:
        answer = f"{upper_first(clip(claim.value))}."
    else:
        answer = claim.answer or (option if claim.type in PRECISE else _spoken(claim))
    topic = normal(
        f"{form} {claim.subject or fields.get('goal', '') or fields.get('question', '')} {claim.attribute}{fields['c']}"
    )
    about = (
        claim.attribute
        if claim.type in PRECISE
        else claim.subject or fields.get("goal") or fields.get("question") or ""
    )
    kind = _KINDS.get(form, "forward")
    return Ask(kind, fill(templates, fields), answer, option, sort_of(claim), topic, normal(about))


_OWNER = re.compile(r" (?:of (?:`[^`]+`|the (?:`[^`]+` [a-z]+|[^`]+))|for [^`]+)$")


def _backward(claim: Claim, fields: dict[str, str]) -> list[Ask]:
    form, _, number = claim.form.partition(":")
    value = fields["v"]
    if number:
        templates = RELATIONS[int(number)].backward
    else:
        name = {"attribute": "noun", "term": "purpose"}.get(form, form)
        templates = BACKWARD.get(name, ())
    owner = _OWNER.search(claim.subject) if "`" in claim.subject else None
    whole = claim.subject[: owner.start()] if owner else claim.subject
    subject = bare(whole.removeprefix(f"the {fields['n']} "))
    kind = f"subject {fields['n']}" if fields["n"] != "one" else "subject"
    answer, back = upper_first(subject) if " " in subject and "`" not in claim.subject else subject, "reversed"
    fields = {**fields, "v": clip(value)}
    if form in ("purpose", "term"):
        fields["does_this"] = does_this(fields.get("head", ""), fields.get("style", "condition"), fields["n"])  # type: ignore[arg-type]
        if (
            fields["n"] == "variable"
            or fields["does_this"].startswith("does not")
            or _holds_placeholder(claim, fields["does_this"])
            or re.search(r"`--?[\w-]+[ =]", claim.subject)
        ):
            return []
        if fields["n"] == "one" or not fields["does_this"] or _gives_away(fields["n"], subject, fields["does_this"]):
            return []
    elif form == "attribute":
        if fields["n"] == "one" or claim.type not in PRECISE:
            return []
    elif form in ("object", "does"):
        fields["n"] = called(claim.subject)
        if not fields["n"] or has_pronoun(value) or len(words(value)) > 16:
            return []
        fields["v"] = lower_first(clip(value)) if form == "does" else clip(value)
        kind = f"subject {fields['n']}"
    elif form == "command":
        if "\n" in value or "`" in value:
            return []
        if fields["goal"].split()[0] not in BASE_VERBS | IMPERATIVE:
            return []
        answer, kind = f"{upper_first(in_third_person(fields['goal']))}.", "goal"
    elif form == "meaning":
        fields["v"] = lower_first(clip(value))
        sentence = len(words(value)) <= 12 and re.search(r"\b(?:is|are|was|were|has|have|do|does|can|cannot)\b", value)
        templates = templates if sentence and fields["n"] != "one" and "<" not in value else ()
    said = f"{fields['v']} {fields.get('does_this', '')}"
    place = re.fullmatch(r" in ([\w.+-]+)", fields["c"])
    if place and _named_in(place[1], said):
        fields |= {"c": "", "p": ""}  # the question names the program or product by itself
    if owner and fields["n"] != "one":
        fields["n"] += owner[0]
    if templates and answer:
        topic = normal(f"back {form} {claim.attribute} {value}{fields['c']}")
        option = upper_first(clip(answer)) if answer.startswith(("the ", "a ", "an ")) else clip(answer)
        many = form == "attribute" and normal(value) in MANY
        return [Ask(back, fill(templates, fields), answer, option, kind, topic, normal(value), not many)]
    return []


def _named_in(place: str, text: str) -> bool:
    """Whether a text names a program or product by itself: `the command` does not name a program of that name."""
    if place.islower():
        before = r"(?<![\w-])(?<!\bthe )(?<!\ban )(?<!\ba )"
        return re.search(rf"{before}{re.escape(place)}(?![\w-])", text) is not None
    return re.search(rf"(?<!\w){re.escape(place)}(?!\w)", text, re.IGNORECASE) is not None


def _says_nothing(claim: Claim) -> bool:
    """Whether a claim tells nothing: a description no more than the name (`DROP ROLE` removes a role), a default its
    setting's own name or a value that is not told to its end."""
    if claim.form == "default":
        value = normal(claim.value)
        return claim.value.endswith(("...", "…")) or value in (
            normal(claim.subject).rpartition(" ")[2],
            "unset",
            "not set",
            "default",
        )
    if claim.form not in ("purpose", "term", "does", "object", "definition"):
        return False
    told = _told(claim)
    if told <= _stems(claim.subject):
        return True
    where = f"{claim.subject} {claim.location.title} {claim.location.section}"
    joined, named = "".join(words(where)), _stems(where)
    beyond = {s for s in told if s not in joined and not any(len(n) > 3 and s.startswith(n[:4]) for n in named)}
    if claim.form not in ("purpose", "term"):
        return not beyond
    return len(beyond) <= 1 or len(beyond) <= min(2, len(told) - len(beyond))


def _stems(text: str) -> set[str]:
    """The words of a text and the parts of its names, cut so that `creates` and `create` are one."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", text)
    return {part.lower().rstrip("s")[:5] for part in [*parts, *words(text)]}


_GENERIC = frozenset(
    _stems(
        """
    a an the of to for in on its new existing define defines change changes definition remove removes create
    creates set sets specify specifies value name named current currently available defined given used use uses
    all mode enables enable turns verbose verbosely runs when where how if whether implements implement identifies
    identify contains contain holds hold short number type controls control not does do be is are that which will
    this by with from or and one option parameter argument setting flag information show shows print prints
    display displays output outputs drop drops add adds return returns get gets message list lists only amount time wait
    any modify modifies generate generates generated generating extra additional array string strings
    support supports multiple perform performs disable disables automatic during per allow allows around check
    checks match matches provided following specific path default
        """
    )
)
"""What a description may say of anything."""


def _told(claim: Claim) -> set[str]:
    """What a claim's value says beyond what may be said of anything."""
    return _stems(claim.value) - _GENERIC


def _holds_placeholder(claim: Claim, text: str) -> bool:
    """Whether a text speaks of a placeholder of its entry's own name: `fam` of `-f fam`, `DIR` of `--dir=DIR`."""
    label = claim.location.document.text[claim.start : claim.end].split("\n", 1)[0]
    label = re.split(r"\s?:\**\s", label)[0]
    label = label.strip("| ").split("|")[0]
    places = {
        w for w in re.split(r"[^\w-]+", re.sub(r"(?<!\w)--?[\w-]+", " ", label)) if len(w) > 1 and not w.isdigit()
    }
    return (len(label) < 80 and bool(places & set(re.split(r"[^\w-]+", text)))) or "<" in text


def _gives_away(noun: str, name: str, description: str) -> bool:
    """Whether a description holds all of a name, or three of its four parts: `new_owner`, the new owner."""
    parts = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare(name)).lower()))
    said = _stems(description)
    spelled = sum(part.rstrip("s")[:5] in said or any(s.startswith(part[:4]) for s in said) for part in parts)
    if len(parts) > 1 and 4 * spelled >= 3 * len(parts):
        return True
    if re.match(
        r"(?:sets|holds) (?:an? |the (?:shortcut|current|name of an?|optional|only)\b|attempts?\b)", description
    ):
        return True  # stilted
    alone = noun in ("parameter", "argument", "field", "column", "one") or len(bare(name).lstrip("-")) > 4
    return alone and parts <= set(words(description))


def called(subject: str) -> str:
    """What a subject is called by its own words: `function` of `` `open()` ``, `pragma` of `the mmap_size pragma`."""
    if re.fullmatch(r"`?[\w.:]+\(\)`?", subject):
        return "function"
    match = _CALLED.fullmatch(subject)
    return match["n"] if match and is_identifier(subject) else ""


def _spoken(claim: Claim) -> str:
    """A value of words as an answer: a sentence starts with a capital; a full stop ends what has a verb."""
    text = claim.value.strip()
    if re.match(r"[A-Za-z'’-]+[ ,]", text):
        text = upper_first(text)
    if len(text.split()) == 1:
        return claim.value.strip()
    long = len(text.split()) > 5 and claim.type not in ("command", "code")
    return f"{clip(text)}." if long and not text.endswith((".", "!", "?")) else text


_TWICE_FOR = re.compile(r" for [^?]* for(?: in [^?]*)?\?$")
"""`What is the key for routing for in Kestrel?`"""


def fill(templates: tuple[str, ...], fields: dict[str, str]) -> tuple[str, ...]:
    """Templates as questions, each different."""
    filled = []
    for template in templates:
        text = template.format_map(fields)
        text = re.sub(r"\?( in [^?]+)$", r"\1?", text)  # a context after a question that has its own mark
        filled.append(re.sub(r"([.?!])\1+$", r"\1", upper_first(text)))
    plain = [text for text in filled if not _TWICE_FOR.search(text)] or filled
    return tuple({normal(q): q for q in reversed(plain)}.values())[::-1]
