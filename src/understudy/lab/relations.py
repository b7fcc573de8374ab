# ruff: noqa: E501 - one relation a line pair, as a table
"""What can be said of a thing and how it is said and asked: the genre's sentences, as templates.

`{s}` is the subject, `{v}` the value, `{a}` the attribute's name. Templates of one relation paraphrase each
other; the generic ones fit any attribute.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from understudy.lab import lexicon as lx


@dataclass(frozen=True, slots=True)
class Relation:
    """An attribute: its noun, the type of its values, how it is stated, asked, and asked in reverse."""

    attribute: str
    kind: str
    statements: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    reversed: tuple[str, ...] = ()


STATEMENTS = (
    "The {a} of {s} is {v}.",
    "{S} has a {a} of {v}.",
    "For {s}, the {a} is {v}.",
    "{S} uses {v} as its {a}.",
    "The {a} for {s} is set to {v}.",
    "By default, the {a} of {s} is {v}.",
    "In {s}, the {a} is {v} unless it is changed.",
    "{V} is the {a} of {s}.",
    "Set to {v}, the {a} of {s} rarely needs a change.",
)
QUESTIONS = (
    "What is the {a} of {s}?",
    "What {a} does {s} have?",
    "Which {a} does {s} use?",
    "For {s}, what is the {a}?",
    "What is the {a} for {s}?",
    "{S}: what is the {a}?",
    "Tell me the {a} of {s}.",
    "What value does the {a} of {s} have?",
    "To what is the {a} of {s} set?",
    "What does the documentation give as the {a} of {s}?",
    "According to the documentation, what is the {a} of {s}?",
    "What is said of the {a} of {s}?",
    "{S} has which {a}?",
)
REVERSED = (
    "Which one has {v} as its {a}?",
    "What has a {a} of {v}?",
    "For what is the {a} {v}?",
    "What has the {a} {v}?",
    "Of what is {v} the {a}?",
    "Name what has {v} as its {a}.",
)
CELL = (
    'What does the table give under "{a}" for {s}?',
    'In the column "{a}", what stands for {s}?',
    'For {s}, which entry is under "{a}"?',
)


def _r(attribute: str, kind: str, statements: str, questions: str, reverse: str = "") -> Relation:
    def split(text: str) -> tuple[str, ...]:
        return tuple(t.strip() for t in text.split("|") if t.strip())

    return Relation(attribute, kind, split(statements), split(questions), split(reverse))


RELATIONS = (
    _r("port", "port", "{S} listens on port {v}.|{S} accepts connections on port {v}.|Port {v} is reserved for {s}.|{S} can be reached on port {v}.",
       "Which port does {s} listen on?|On which port is {s} reachable?|What port number does {s} use?|Where does {s} accept connections?",
       "What listens on port {v}?|Which one uses port {v}?"),
    _r("log file", "path", "{S} writes its log to {v}.|Messages of {s} are logged in {v}.|{S} logs to {v}.",
       "Where does {s} write its log?|Which file holds the log of {s}?|Where are messages of {s} logged?", "What logs to {v}?"),
    _r("configuration file", "path", "{S} reads its configuration from {v}.|Settings of {s} are kept in {v}.|{S} is configured in {v}.",
       "Where is {s} configured?|Which file configures {s}?|From where does {s} read its configuration?", "What is configured in {v}?"),
    _r("data directory", "path", "{S} stores its data in {v}.|Data of {s} lies in {v}.|{S} keeps its data under {v}.",
       "Where does {s} store its data?|In which directory does {s} keep its data?|Where is the data of {s}?", "What stores its data in {v}?"),
    _r("maximum number of connections", "number", "{S} accepts at most {v} connections.|Up to {v} clients can connect to {s}.|{S} allows {v} connections at once.",
       "How many connections does {s} accept?|How many clients can connect to {s} at once?|What is the connection limit of {s}?"),
    _r("timeout", "time", "{S} gives up after {v}.|A request to {s} times out after {v}.|{S} waits {v} for an answer.",
       "After how long does {s} give up?|How long does {s} wait for an answer?|When does a request to {s} time out?"),
    _r("refresh interval", "time", "{S} refreshes its state every {v}.|Every {v}, {s} refreshes its state.|{S} polls once every {v}.",
       "How often does {s} refresh its state?|How often does {s} poll?|At which interval does {s} refresh?"),
    _r("number of retries", "number", "{S} retries a failed request {v} times.|After {v} failed attempts {s} stops.|{S} makes {v} attempts.",
       "How many times does {s} retry?|How many attempts does {s} make?|After how many failed attempts does {s} stop?"),
    _r("memory limit", "size", "{S} may use up to {v} of memory.|{S} is limited to {v} of memory.|At most {v} of memory are given to {s}.",
       "How much memory may {s} use?|To how much memory is {s} limited?|What is the most memory that {s} gets?"),
    _r("maximum file size", "size", "{S} rejects files larger than {v}.|Files above {v} are refused by {s}.|{S} takes files of up to {v}.",
       "What is the largest file that {s} takes?|How large may a file for {s} be?|Above which size does {s} refuse files?"),
    _r("environment variable", "env", "The variable {v} configures {s}.|Set {v} to configure {s}.|{S} reads the variable {v}.",
       "Which environment variable configures {s}?|Which variable does {s} read?|What variable must be set for {s}?", "What does the variable {v} configure?"),
    _r("maintainer", "person", "{S} is maintained by {v}.|{V} maintains {s}.|{V} looks after {s}.",
       "Who maintains {s}?|Who looks after {s}?|Who is responsible for {s}?", "What does {v} maintain?|What is {v} responsible for?"),
    _r("author", "person", "{S} was written by {v}.|{V} wrote {s}.|The first version of {s} was the work of {v}.",
       "Who wrote {s}?|By whom was {s} written?", "What did {v} write?"),
    _r("release date", "date", "{S} was released on {v}.|The release of {s} took place on {v}.|{S} came out on {v}.",
       "When was {s} released?|On which date did {s} come out?", "What was released on {v}?"),
    _r("first version", "version", "{S} was introduced in version {v}.|{S} is available since version {v}.|{S} first appeared in {v}.",
       "In which version was {s} introduced?|Since which version is {s} available?|When did {s} first appear?"),
    _r("implementation language", "language", "{S} is written in {v}.|{S} is implemented in {v}.|The source code of {s} is {v}.",
       "In which language is {s} written?|What language implements {s}?", "What is written in {v}?"),
    _r("compression algorithm", "algorithm", "{S} compresses its data with {v}.|{V} compresses the data of {s}.|Data of {s} is packed with {v}.",
       "How does {s} compress its data?|Which algorithm compresses the data of {s}?|What does {s} use for compression?"),
    _r("output format", "format", "{S} writes {v}.|The output of {s} is {v}.|{S} produces {v} files.",
       "Which format does {s} write?|What does {s} produce?|In which format is the output of {s}?", "What writes {v}?"),
    _r("input format", "format", "{S} reads {v}.|{S} expects its input as {v}.|Input of {s} must be {v}.",
       "Which format does {s} read?|In which format does {s} expect its input?"),
    _r("status colour", "colour", "The status light of {s} is {v}.|{S} is shown in {v}.|On the dashboard {s} appears in {v}.",
       "In which colour is {s} shown?|What colour is the status light of {s}?"),
    _r("location", "place", "{S} runs in {v}.|{S} is hosted in {v}.|The machines of {s} stand in {v}.",
       "Where does {s} run?|In which city is {s} hosted?|Where do the machines of {s} stand?", "What is hosted in {v}?"),
    _r("code name", "name", "{S} has the code name {v}.|Inside the team {s} is called {v}.|{S} is known as {v}.",
       "What is {s} called inside the team?|Under which name is {s} known?|What is the code name of {s}?", "What is known as {v}?"),
    _r("health endpoint", "endpoint", "{S} reports its health at {v}.|The health of {s} is shown at {v}.|Query {v} to see whether {s} is healthy.",
       "Where does {s} report its health?|Which endpoint shows the health of {s}?|What must be queried to see whether {s} is healthy?"),
    _r("home page", "url", "The home page of {s} is {v}.|More about {s} is found at {v}.|See {v} for news about {s}.",
       "Where is the home page of {s}?|At which address is more about {s} found?"),
    _r("start command", "command", "{S} is started with {v}.|Run {v} to start {s}.|The command {v} starts {s}.",
       "How is {s} started?|Which command starts {s}?|What must be run to start {s}?", "What does the command {v} start?"),
    _r("error code", "error", "{S} fails with error {v}.|Error {v} is raised by {s}.|When {s} fails, it reports {v}.",
       "With which error does {s} fail?|Which error is raised by {s}?|What does {s} report when it fails?", "What raises error {v}?"),
    _r("shortcut", "shortcut", "Press {v} to open {s}.|{S} opens with {v}.|The keys {v} open {s}.",
       "Which keys open {s}?|How is {s} opened from the keyboard?|What must be pressed to open {s}?", "What opens with {v}?"),
    _r("role", "description", "{S} {v}.|{S} is the part that {v}.|In short, {s} {v}.",
       "What does {s} do?|What is the job of {s}?|What is {s} for?", "What {v}?|Which part {v}?"),
    _r("successor", "name", "{S} was replaced by {v}.|{V} is the successor of {s}.|{V} took the place of {s}.",
       "What replaced {s}?|What is the successor of {s}?|What took the place of {s}?", "What was replaced by {v}?"),
    _r("password length", "number", "Passwords for {s} need at least {v} characters.|{S} wants passwords of {v} characters or more.",
       "How long must a password for {s} be?|How many characters does a password for {s} need?"),
    _r("number of workers", "number", "{S} starts {v} workers.|{V} workers serve {s}.|{S} runs with {v} workers.",
       "How many workers does {s} start?|How many workers serve {s}?"),
    _r("retention period", "time", "{S} keeps records for {v}.|Records of {s} are deleted after {v}.|After {v}, {s} deletes old records.",
       "How long does {s} keep records?|After how long are records of {s} deleted?"),
)  # fmt: skip


def random_relation(rng: random.Random) -> Relation:
    """An attribute made of a modifier and a noun, such as `retry limit`: thousands of different ones."""
    heads, kind = rng.choice(
        [
            (lx.NUMBER_HEADS, rng.choice(["number", "number", "percent", "ratio"])),
            (lx.TIME_HEADS, "time"),
            (lx.SIZE_HEADS, "size"),
            (lx.TEXT_HEADS, rng.choice(["word", "word", "name", "code", "algorithm"])),
            (["file", "directory", "path"], rng.choice(["path", "file"])),
            (["flag", "option"], "flag"),
            (["key", "parameter", "variable"], rng.choice(["param", "key", "env"])),
            (["address", "endpoint"], rng.choice(["endpoint", "url"])),
            (["code", "label", "tag", "name"], rng.choice(["code", "name", "error", "word"])),
        ]
    )
    return Relation(f"{lx.pick(rng, lx.MODIFIERS)} {lx.pick(rng, heads)}", kind)


def draw_relations(rng: random.Random, n: int, known: float = 0.6) -> list[Relation]:
    """`n` relations with different attributes; a share `known` has paraphrases of its own."""
    chosen: dict[str, Relation] = {}
    while len(chosen) < n:
        relation = rng.choice(RELATIONS) if rng.random() < known else random_relation(rng)
        chosen.setdefault(relation.attribute, relation)
    return list(chosen.values())
