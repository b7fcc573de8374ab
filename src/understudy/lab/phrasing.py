# ruff: noqa: E501 - one relation a line, as a table
"""How a made-up manual words its facts: the templates it is written with, and others that are held out.

The offline teacher's sentence patterns and the manuals of `PUBLISHED` were written side by side, so what the teacher
finds there says little about other documentation. `HELD_OUT` words the same facts as technical documentation commonly
does, `HELD_OUT_FREE` as it rarely does. Both were written without looking at the teacher's patterns, which in turn are
never to be changed by what is missed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.lab.relations import STATEMENTS


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Templates by layout; `{s}` is the subject, `{a}` the attribute, `{v}` the value.

    generic: sentences for any attribute. own: attribute → its own sentences, in place of the relation's.
    bullets: items of a list about one thing. options, endpoints, errors: (lines before, line of one entry).
    step: one step of a how-to.
    """

    generic: tuple[str, ...]
    bullets: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    endpoints: tuple[tuple[str, str], ...]
    errors: tuple[tuple[str, str], ...]
    step: str
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


PUBLISHED = Phrasing(
    generic=STATEMENTS,
    bullets=("- {a}: {v}", "* **{a}**: {v}", "- The {a} is {v}.", "- {a} = {v}", "{a}\n:   {v}", "- `{a}`: {v}"),
    options=(
        ("| Option | Default | Description |\n| --- | --- | --- |", "| `{s}` | {v} | {m} |"),
        ("", "- `{s}`: {m}. Default: `{v}`."),
        ("", "`{s}`\n:   {m}. The default is {v}."),
        ("", "* `{s}` ({v}) - {m}"),
    ),
    endpoints=(
        ("| Method | Path | Purpose |\n| --- | --- | --- |", "| {v} | `{s}` | {m} |"),
        ("", "- `{v} {s}`: {m}."),
    ),
    errors=(("| Code | Meaning |\n| --- | --- |", "| {s} | {v} |"), ("", "- **{s}**: {v}.")),
    step="{v} with `{c}`",
)


def _own(text: str) -> Mapping[str, tuple[str, ...]]:
    rows = (line.split(":", 1) for line in text.strip().splitlines())
    return {name.strip(): tuple(t.strip() for t in said.split("|")) for name, said in rows}


HELD_OUT = Phrasing(
    generic=(
        "The default {a} for {s} is {v}.",
        "{S} ships with a {a} of {v}.",
        "If not specified, the {a} of {s} defaults to {v}.",
        "{S} is configured with a {a} of {v}.",
        "The {a} used by {s} is {v}.",
        "Note that {s} has its {a} set to {v}.",
        "The recommended {a} for {s} is {v}.",
        "On a new installation, {s} uses a {a} of {v}.",
        "You can change the {a} of {s}, which is {v} by default.",
    ),
    bullets=(
        "- **{a}:** {v}", "- {a} (default: {v})", "- {a} – {v}", "* `{a}` - {v}", "- The {a} defaults to {v}.", "- *{a}*: {v}.",
    ),
    options=(
        ("| Name | Description | Default value |\n|---|---|---|", "| `{s}` | {m}. | `{v}` |"),
        ("", "- **`{s}`** - {m}. Defaults to `{v}`."),
        ("", "`{s}`\n:   {m}. (default: {v})"),
        ("", "* `{s}`: {m} (default `{v}`)."),
    ),
    endpoints=(
        ("| Endpoint | HTTP method | Description |\n|---|---|---|", "| `{s}` | {v} | {m}. |"),
        ("", "- **{v}** `{s}` – {m}"),
    ),
    errors=(("| Error | Description |\n|---|---|", "| `{s}` | {v}. |"), ("", "- `{s}` - {v}.")),
    step="{v} by running `{c}`",
    own=_own("""
port: By default, {s} binds to port {v}.|{S} is available on port {v}.|{S} exposes port {v}.|The server side of {s} runs on port {v}.
log file: Logs for {s} can be found in {v}.|{S} sends its log output to {v}.|Check {v} for messages from {s}.
configuration file: The configuration for {s} is located at {v}.|To configure {s}, edit {v}.|{S} is configured through the file {v}.
data directory: The data of {s} is stored in {v}.|{S} saves its data to {v}.|{S} uses {v} to store its data.
maximum number of connections: {S} supports up to {v} concurrent connections.|A maximum of {v} connections can be open to {s}.|The number of connections to {s} is limited to {v}.
timeout: {S} has a timeout of {v}.|Requests to {s} time out after {v} of inactivity.|If there is no response within {v}, {s} closes the connection.
refresh interval: {S} checks for updates every {v}.|The state of {s} is updated every {v}.|{S} is refreshed every {v}.
number of retries: {S} will retry up to {v} times.|Failed requests to {s} are retried {v} times.|{S} attempts each request {v} times before giving up.
memory limit: {S} requires {v} of RAM.|{S} can use a maximum of {v} of memory.|The memory usage of {s} is capped at {v}.
maximum file size: The maximum file size for {s} is {v}.|{S} supports files up to {v}.|Files uploaded to {s} must be smaller than {v}.
environment variable: To configure {s}, set the {v} environment variable.|{S} uses the {v} environment variable.|{S} can be configured using {v}.
maintainer: {V} is the maintainer of {s}.|{S} is currently maintained by {v}.|For questions about {s}, contact {v}.
author: {S} was created by {v}.|{S} was originally developed by {v}.|The author of {s} is {v}.
release date: {S} was first released on {v}.|{S} has been available since {v}.|The initial release of {s} was on {v}.
first version: {S} was added in version {v}.|{S} requires version {v} or later.|Starting with version {v}, {s} is included.
implementation language: {S} is built with {v}.|{S} is a {v} application.|{S} is developed in {v}.
compression algorithm: {S} uses {v} to compress its data.|{S} uses {v} compression.|All data of {s} is compressed using {v}.
output format: {S} outputs {v}.|{S} generates {v} output.|The results of {s} are returned as {v}.
input format: {S} accepts {v} input.|{S} supports {v} as input.|The input to {s} should be in {v} format.
status colour: {S} is displayed in {v}.|The indicator for {s} turns {v}.|{S} is marked in {v}.
location: {S} is deployed in {v}.|{S} is located in {v}.|The servers for {s} are in {v}.
code name: {S} is also called {v}.|{S} is codenamed {v}.|The internal name of {s} is {v}.
health endpoint: To check the health of {s}, send a request to {v}.|The health check endpoint of {s} is {v}.|{S} exposes its health status at {v}.
home page: For more information about {s}, visit {v}.|The documentation for {s} is available at {v}.|See {v} for details about {s}.
start command: To start {s}, run {v}.|Start {s} by running {v}.|You can start {s} using {v}.
error code: {S} returns error {v} on failure.|If {s} fails, error {v} is returned.|{V} indicates a problem with {s}.
shortcut: To open {s}, press {v}.|Use {v} to open {s}.|{S} can be opened with {v}.
role: {S} is a component that {v}.|{S} is responsible for this: it {v}.|In this setup, {s} {v}.
successor: {S} has been replaced by {v}.|{S} is deprecated in favor of {v}.|{V} replaces {s}.
password length: The password for {s} must be at least {v} characters long.|{S} requires a password of at least {v} characters.
number of workers: {S} runs {v} workers by default.|{S} uses {v} worker processes.|By default, {v} workers are started for {s}.
retention period: {S} retains data for {v}.|Data in {s} is kept for {v}.|Records older than {v} are removed from {s}.
"""),
)  # fmt: skip

HELD_OUT_FREE = Phrasing(
    generic=(
        "As {a}, {s} takes {v}.",
        "Out of the box {s} comes with {v} as the {a}.",
        "Its {a} being {v}, {s} suits most sites.",
        "We ship {s} with the {a} at {v}.",
        "Expect {v} when you look up the {a} of {s}.",
        "You will find the {a} of {s} at {v} after a fresh installation.",
        "Unless you say otherwise, {s} works with {v} for the {a}.",
        "Operators may assume that the {a} of {s} equals {v}.",
        "The {a} ({v}) of {s} was chosen with care.",
    ),
    bullets=("- {a} -- {v}", "+ {a} → {v}", "- Its {a} equals {v}.", "* {v} ({a})", "- **{a}** {v}", "1. {a}; {v}"),
    options=(
        ("| Switch | Effect | If absent |\n| :-- | :-- | --: |", "| {s} | {m} | {v} |"),
        ("", "- {m} (`{s}`, {v} if absent)"),
        ("", "**{s}** {m}; starts out as {v}."),
        ("", "+ **`{s}`** – {m} [{v}]"),
    ),
    endpoints=(
        ("| Route | Verb | What it is good for |\n| --- | :-: | --- |", "| {s} | `{v}` | {m} |"),
        ("", "+ {m}: send a {v} to `{s}`."),
    ),
    errors=(("| Shown | Reason |\n| --- | --- |", "| `{s}` | {v} |"), ("", "+ {v} whenever you read {s}.")),
    step="{v}; `{c}` does it",
    own=_own("""
port: Clients find {s} behind port {v}.|Point your browser at port {v} to talk to {s}.|Open port {v} in the firewall, as {s} needs it.|Traffic for {s} comes in on {v}, its port.
log file: Look into {v} for what {s} has to say.|{S} leaves its traces in {v}.|Whatever {s} prints ends up in {v}.
configuration file: To tune {s}, edit {v}.|{V} holds what {s} is told to do.|{S} looks for its settings in {v}.
data directory: Everything that {s} knows sits in {v}.|Back up {v}, since {s} saves its records there.|{S} has its files below {v}.
maximum number of connections: More than {v} clients at a time are too much for {s}.|{S} serves no more than {v} clients together.|Client number {v} is the last that {s} lets in.
timeout: If nothing comes back within {v}, {s} drops the request.|{S} has a patience of {v}.|Requests that take {s} longer than {v} are cut off.
refresh interval: {S} looks for changes every {v}.|Between two updates of {s} lie {v}.|New data reach {s} at intervals of {v}.
number of retries: {S} tries again up to {v} times.|Having failed {v} times, {s} asks for help.|It takes {v} failures before {s} reports one.
memory limit: Give {s} no more than {v} of RAM.|{S} never grows beyond {v} in memory.|{V} of RAM must be enough for {s}.
maximum file size: Anything bigger than {v} is turned away by {s}.|{S} copes with files as big as {v}.|Split files before they reach {v}, or {s} skips them.
environment variable: Export {v} before you launch {s}.|{S} takes its cue from {v} in the environment.|What {v} contains decides how {s} behaves.
maintainer: Questions about {s} go to {v}.|{V} keeps {s} in shape.|The person behind {s} these days is {v}.
author: {S} goes back to {v}.|We owe {s} to {v}.|{V} came up with {s}.
release date: {S} has been out since {v}.|{V} saw the release of {s}.|Users got {s} on {v}.
first version: You need version {v} or later to have {s}.|{S} joined in {v}.|Versions before {v} lack {s}.
implementation language: {S} is {v} code throughout.|The developers of {s} chose {v}.|To read the sources of {s} you should know {v}.
compression algorithm: {S} shrinks what it stores using {v}.|Thanks to {v}, {s} needs little disk space.|Blocks of {s} go through {v} first.
output format: What comes out of {s} is {v}.|{S} saves its results as {v}.|Open what {s} delivers with any {v} viewer.
input format: Feed {s} with {v}.|{S} understands {v} only.|Convert everything to {v} before {s} sees it.
status colour: A {v} lamp stands for {s}.|Look for {v} to spot {s}.|{S} lights up {v}.
location: You find the hardware of {s} in {v}.|{S} has its home in {v}.|{V} is where {s} lives.
code name: Developers say {v} when they mean {s}.|{S} goes by the name of {v}.|Old hands still refer to {s} as {v}.
health endpoint: Ask {v} how {s} is doing.|{S} answers at {v} while it is well.|A probe of {s} should call {v}.
home page: Visit {v} to learn about {s}.|{S} has a site of its own, {v}.|News of {s} are posted on {v}.
start command: Type {v} and {s} comes up.|{S} comes to life through {v}.|Use {v} whenever {s} should go up.
error code: {V} means that {s} is in trouble.|Trouble in {s} shows up as {v}.|If {s} breaks, expect {v}.
shortcut: {V} brings up {s}.|Hold {v} for {s}.|To get to {s}, hit {v}.
role: Think of {s} as what {v}.|It is {s} that {v}.|{S}, for its part, {v}.
successor: Nowadays {v} does the work of {s}.|{S} gave way to {v}.|Users of {s} should move to {v}.
password length: {S} turns down passwords shorter than {v} characters.|Choose {v} characters or more when {s} asks for a password.
number of workers: A pool of {v} workers stands behind {s}.|{S} spreads its load over {v} workers.|Work for {s} is shared by {v} workers.
retention period: After {v}, {s} forgets.|{S} remembers things for {v}.|Nothing stays in {s} longer than {v}.
"""),
)  # fmt: skip
