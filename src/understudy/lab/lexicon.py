# ruff: noqa: SIM905 - word lists and one-line value types read best as they are
"""The words that worlds are made of, and values of every type drawn from a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Callable

ONSETS = "b br c ch cl d dr f fl g gl gr h j k kr l m n p pl qu r s sh sk st t th tr v w z".split()
VOWELS = "a e i o u ai au ea ei ia io ou".split()
CODAS = ["", "", "", "l", "m", "n", "r", "s", "x", "nd", "rn", "st", "th", "lt", "k"]

COMPONENTS = (
    "relay ledger gateway scheduler indexer watcher collector router broker cache archive mirror agent monitor "
    "dispatcher resolver planner loader exporter importer tracker balancer registry vault console worker proxy "
    "sampler compiler renderer notifier auditor beacon bridge controller crawler decoder encoder filter guard "
    "harvester keeper launcher mapper merger observer parser poller printer profiler publisher recorder replicator "
    "reporter sensor shipper sorter spooler streamer syncer tagger tuner validator vacuum writer"
).split()
CLASSES = ["service", "daemon", "module", "component", "process", "plugin", "node", "server", "client", "engine"]
MODIFIERS = (
    "retry idle connection request session queue batch cache buffer log backup upload download startup shutdown "
    "heartbeat polling worker thread memory disk network index snapshot token password archive read write sync "
    "search render update cleanup health warm-up lookup transfer stream message packet frame page record "
    "job task cursor lease lock replica shard segment window history preview export import default maximum minimum "
    "initial soft hard internal external primary secondary temporary"
).split()
NUMBER_HEADS = ["limit", "count", "depth", "threshold", "quota", "capacity", "priority", "weight", "rate", "offset"]
TIME_HEADS = ["timeout", "interval", "delay", "period", "lifetime", "grace time", "age", "duration"]
SIZE_HEADS = ["size", "budget", "quota", "allowance", "block size", "footprint"]
TEXT_HEADS = ["mode", "policy", "strategy", "level", "profile", "scheme", "format", "algorithm"]
UNITS_TIME = ["seconds", "minutes", "hours", "days", "milliseconds", "ms"]
UNITS_SIZE = ["KB", "MB", "GB", "KiB", "MiB", "bytes", "pages", "rows"]
WORDS = (
    "strict lazy eager greedy round-robin random sticky adaptive static dynamic silent verbose minimal full partial "
    "linear cubic circular rolling fixed hybrid manual automatic balanced cautious fast slow safe legacy modern "
    "compact sparse dense ordered shuffled mirrored pinned isolated shared private public guarded open closed"
).split()
FORMATS = "JSON YAML TOML CSV XML Parquet Avro Protobuf MessagePack CBOR HTML PDF SVG PNG SQLite INI Markdown".split()
ALGORITHMS = (
    "zstd lz4 gzip brotli snappy xz deflate SHA-256 SHA-512 BLAKE3 MD5 AES-128 AES-256 ChaCha20 Ed25519 RSA-4096 "
    "CRC32 xxHash FNV-1a Argon2 bcrypt scrypt"
).split()
COLOURS = "red green blue amber violet grey white black orange teal pink brown yellow cyan purple silver".split()
PLACES = (
    "Oslo Lima Quito Porto Turin Lyon Ghent Basel Vienna Prague Riga Cork Leeds Seville Nairobi Accra Hanoi Osaka "
    "Perth Dunedin Denver Austin Halifax Tampere Bergen Aarhus Gdansk Sofia Izmir Muscat Pune Jaipur Cebu Davao"
).split()
FIRST = (
    "Ada Boris Clara Dmitri Elena Felix Greta Hugo Irene Jonas Karin Leon Marta Nils Olga Pavel Rosa Stefan Tilda "
    "Ulrich Vera Walter Xenia Yuri Zoe Amir Bela Chidi Dalia Emre Farid Hana Ines Joao Kenji Lucia Mateo Nadia"
).split()
MONTHS = "January February March April May June July August September October November December".split()
LANGUAGES = "Rust Go Python C Java Kotlin Erlang Haskell Lua Zig Ruby Scala OCaml Swift TypeScript Perl".split()
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
KEYS = ["F", "K", "P", "R", "B", "L", "M", "D", "G", "H", "J", "T", "U", "Y"]

VERBS = (
    "limits controls records removes compresses encrypts schedules refreshes validates counts exports restores "
    "disables enables merges splits rotates prints checks copies delays filters groups hides imports locks lists "
    "mirrors moves pauses publishes renames repairs replays resets retries samples signs skips sorts stops traces "
    "trims uploads verifies warms watches"
).split()
OBJECTS = (
    "stale sessions|incoming requests|expired tokens|open connections|pending jobs|old log files|duplicate records|"
    "failed uploads|broken links|unused indexes|slow queries|large messages|temporary files|remote replicas|"
    "cached pages|nightly backups|error reports|user accounts|access rules|audit entries|search results|"
    "table partitions|image previews|background tasks|configuration changes|network packets|event streams|"
    "memory pages|disk blocks|metric samples|worker threads|email alerts|billing records|customer invoices|"
    "sensor readings|build artifacts|release notes|translation files|archived projects|shared folders"
).split("|")
TAILS = (
    "before shutdown|after every restart|once a day|on the primary node|during maintenance|for each tenant|"
    "when the disk is full|without a restart|in the background|at startup|per client|across all regions|"
    "until the queue is empty|while the lock is held|for anonymous users|in read-only mode|by default|"
    "when debugging is on|on slow networks|for new projects|after a timeout|in test environments"
).split("|")
GENERAL = (
    "This section is for operators.|Most installations keep the values shown here.|"
    "Changes take effect after the next restart.|The values can be changed at any time.|"
    "Read the notes below before you change anything.|The defaults suit small teams.|"
    "Ask the administrator when in doubt.|Nothing here needs special rights.|"
    "The page describes the current release.|Older releases behave in the same way.|"
    "A short overview follows.|Each setting is explained once.|Keep a copy of the old file.|"
    "The command line shows the same information.|Logs tell what happened."
).split("|")


def pick(rng: random.Random, items: list[str] | tuple[str, ...]) -> str:
    return items[int(rng.random() * len(items))]


def name(rng: random.Random) -> str:
    """A made-up proper name of two or three syllables, such as `Tavimor`."""
    n = 2 if rng.random() < 0.7 else 3
    word = "".join(pick(rng, ONSETS) + pick(rng, VOWELS) for _ in range(n)) + pick(rng, CODAS)
    return word.capitalize()


def infinitive(verb: str) -> str:
    """A verb of `VERBS` (third person) in its plain form: `watches` → `watch`, `verifies` → `verify`."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(("shes", "ches", "sses")) else verb[:-1]


def description(rng: random.Random) -> str:
    """What something does, third person: `trims stale sessions at startup`."""
    tail = f" {pick(rng, TAILS)}" if rng.random() < 0.5 else ""
    return f"{pick(rng, VERBS)} {pick(rng, OBJECTS)}{tail}"


def number(rng: random.Random) -> int:
    """An integer of one to five digits; round ones are as common as in real manuals."""
    digits = 1 + int(rng.random() * 4.6)
    n = rng.randrange(10 ** (digits - 1), 10**digits)
    return n if rng.random() < 0.6 else max(1, round(n, 1 - digits))


def value(rng: random.Random, kind: str) -> str:
    """A random value of the type `kind`; KeyError for an unknown type."""
    return _VALUES[kind](rng)


def _slug(rng: random.Random) -> str:
    return pick(rng, MODIFIERS).replace("-", "_") if rng.random() < 0.6 else name(rng).lower()


_VALUES: dict[str, Callable[[random.Random], str]] = {
    "port": lambda r: str(r.randrange(1024, 65536) if r.random() < 0.6 else r.randrange(10, 655) * 100),
    "number": lambda r: str(number(r)),
    "percent": lambda r: f"{r.randrange(1, 100)}{pick(r, ['%', ' %', ' percent'])}",
    "ratio": lambda r: f"0.{r.randrange(1, 100):02d}".rstrip("0") if r.random() < 0.95 else "1.0",
    "time": lambda r: f"{number(r) % 1000 or 5} {pick(r, UNITS_TIME)}",
    "size": lambda r: f"{number(r)} {pick(r, UNITS_SIZE)}",
    "path": lambda r: (
        f"/{pick(r, ['etc', 'var/lib', 'var/log', 'opt', 'srv', 'usr/share', 'run'])}/{name(r).lower()}"
        + (f"/{_slug(r)}" if r.random() < 0.5 else "")
        + (f".{pick(r, ['conf', 'log', 'db', 'toml', 'sock', 'pid', 'yaml'])}" if r.random() < 0.6 else "")
    ),
    "file": lambda r: f"{_slug(r)}.{pick(r, ['conf', 'toml', 'yaml', 'json', 'ini', 'xml', 'db', 'txt', 'lock'])}",
    "env": lambda r: f"{name(r)}_{pick(r, MODIFIERS)}_{pick(r, NUMBER_HEADS)}".upper().replace("-", "_"),
    "flag": lambda r: (
        f"--{pick(r, MODIFIERS)}-{pick(r, [*NUMBER_HEADS, *TEXT_HEADS, 'size', 'timeout', 'dir', 'file'])}"
    ),
    "key": lambda r: f"{pick(r, COMPONENTS)}.{pick(r, MODIFIERS)}_{pick(r, NUMBER_HEADS)}".replace("-", "_"),
    "param": lambda r: f"{pick(r, MODIFIERS)}_{pick(r, [*NUMBER_HEADS, *TEXT_HEADS, 'size', 'timeout'])}".replace(
        "-", "_"
    ),
    "endpoint": lambda r: (
        f"/{pick(r, ['v1', 'v2', 'v3', 'api', 'admin'])}/{pick(r, COMPONENTS)}"
        + (
            f"/{pick(r, ['status', 'list', 'stats', 'reload', 'events', 'keys', 'users', 'jobs'])}"
            if r.random() < 0.6
            else "s"
        )
    ),
    "url": lambda r: f"https://{name(r).lower()}.{pick(r, ['example', 'test', 'invalid'])}/{pick(r, COMPONENTS)}",
    "method": lambda r: pick(r, METHODS),
    "version": lambda r: (
        f"{r.randrange(0, 12)}.{r.randrange(0, 30)}" + (f".{r.randrange(0, 20)}" if r.random() < 0.6 else "")
    ),
    "date": lambda r: f"{r.randrange(1, 29)} {pick(r, MONTHS)} {r.randrange(1998, 2027)}",
    "year": lambda r: str(r.randrange(1960, 2030)),
    "name": name,
    "person": lambda r: f"{pick(r, FIRST)} {name(r)}",
    "word": lambda r: pick(r, WORDS),
    "format": lambda r: pick(r, FORMATS),
    "algorithm": lambda r: pick(r, ALGORITHMS),
    "colour": lambda r: pick(r, COLOURS),
    "place": lambda r: pick(r, PLACES),
    "language": lambda r: pick(r, LANGUAGES),
    "error": lambda r: f"{pick(r, ['E', 'ERR-', 'X', 'W'])}{r.randrange(100, 10000)}",
    "command": lambda r: (
        f"{name(r).lower()} {infinitive(pick(r, VERBS))}" + (f" {_VALUES['flag'](r)}" if r.random() < 0.3 else "")
    ),
    "shortcut": lambda r: f"{pick(r, ['Ctrl', 'Alt', 'Ctrl+Shift', 'Ctrl+Alt', 'Shift'])}+{pick(r, KEYS)}",
    "code": lambda r: "".join(pick(r, list("abcdefghjkmnpqrstuvwxyz0123456789")) for _ in range(r.randrange(3, 8))),
    "description": description,
}
TYPES = tuple(_VALUES)
# Shown between backticks where a manual would do so.
CODED = {"path", "file", "env", "flag", "key", "param", "endpoint", "url", "method", "error", "command", "code"}
