"""A site by its address: its pages are fetched into a folder, which the stage then reads like any other.

Below `.understudy/sites/<digest>`: `pages/` holds what the site gave, `site.json` the address, etag and date of each,
so that a later run asks only for what changed. Links and sitemaps are followed on the host and below the folder of
the first page, as far as robots.txt allows.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.robotparser import RobotFileParser

from filelock import FileLock
from pathspec import GitIgnoreSpec
from selectolax.lexbor import LexborHTMLParser

from understudy.artifact import atomic_path, from_plain, to_plain, write_json
from understudy.errors import InputError
from understudy.ingest import encodings, site_address
from understudy.ingest.base import Skipped
from understudy.ingest.config import IngestConfig
from understudy.ingest.site_client import AGENT, Answer, SiteClient, TooLarge, Unreachable

_REDIRECTS = 5
_LONGEST_PAUSE = 10.0  # seconds that a robots.txt can ask for between two requests
_SITEMAPS = 50
_ROBOTS_BYTES = 500_000
_LOCATION = re.compile(rb"<loc>\s*([^<\s]{1,2000})\s*</loc>")
_SITEMAP = re.compile(rb"\A.{0,2000}?<(?:\w+:)?(?:urlset|sitemapindex)\b", re.DOTALL)
_LINK = re.compile(rb"\]\(<?([^)\s>]{1,2000})")
_UNTIL_THEN = ("etag", "last-modified")
_ASKED_BY = ("If-None-Match", "If-Modified-Since")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A page that is kept. file: below `pages/`. etag, modified: what the site said of this version."""

    address: str
    file: str
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What `site.json` holds."""

    first: str = ""
    pages: tuple[Kept, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def read(folder: Path) -> Site:
    """What is kept of a site; empty where nothing is, or where it cannot be read."""
    try:
        return from_plain(Site, json.loads((folder / "site.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return Site()


def addresses(folder: Path) -> dict[str, str]:
    """The address of each kept page by its file's name."""
    return {page.file: page.address for page in read(folder).pages}


def refresh(config: IngestConfig, say: Say, warn: Say) -> None:
    """Bring the kept folder up to date. A site that does not answer leaves what is kept, with a warning.

    Raises InputError where nothing is kept and the site gives nothing.
    """
    folder = config.kept
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        old = read(folder)
        try:
            with SiteClient(str(config.url), config.timeout_seconds, config.max_bytes) as client:
                new = _Crawl(config, folder, old, client, say, warn).run()
        except Unreachable as error:
            if not old.pages:
                raise InputError(f"docs.url: {config.url}: {error}; nothing is kept of an earlier run") from error
            warn(f"{config.url}: {error}; {len(old.pages)} pages kept of an earlier run are read")
            return
        if not new.pages:
            why = "; ".join(f"{s.path}: {s.reason}: {s.detail}" for s in new.skipped[:3]) or "no page in it"
            raise InputError(f"docs.url: {config.url}: nothing to read: {why}")
        write_json(folder / "site.json", to_plain(new))
        known = {page.file for page in new.pages}
        for file in sorted((folder / "pages").rglob("*")):
            if file.is_file() and file.relative_to(folder / "pages").as_posix() not in known:
                file.unlink()


@dataclass
class _Crawl:
    config: IngestConfig
    folder: Path
    old: Site
    client: SiteClient
    say: Say
    warn: Say
    pages: dict[str, Kept] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    asked: int = 0
    changed: int = 0

    def run(self) -> Site:
        config = self.config
        self.first = self.start = site_address.plain(str(config.url))
        self.kept = {page.address: page for page in self.old.pages}
        self.include = GitIgnoreSpec.from_lines(config.include) if config.include else None
        self.exclude = GitIgnoreSpec.from_lines(config.exclude)
        self.pause = config.pause
        self.robots = self.read_robots()
        if not self.robots.can_fetch(AGENT, self.first):
            raise InputError(f"docs.url: {config.url}: its robots.txt does not allow {AGENT} to read it")
        self.queue = deque([(self.first, 0)])
        self.seen = {self.first}
        self.sitemaps = 0
        for sitemap in self.robots.site_maps() or ():
            self.follow([site_address.plain(sitemap, self.first)], -1)
        while self.queue:
            if len(self.pages) >= config.max_pages:
                self.warn(f"{config.url}: {config.max_pages} pages are fetched and more are linked; see docs.max_pages")
                break
            address, depth = self.queue.popleft()
            self.page(address, depth)
        self.say(f"{config.url}: {len(self.pages)} pages, {self.changed} new or changed")
        return Site(self.first, tuple(self.pages.values()), tuple(self.skipped))

    def ask(self, address: str, known: Kept | None = None, most: int | None = None) -> Answer:
        if self.asked and self.pause:
            time.sleep(self.pause)
        self.asked += 1
        headers = {}
        if known is not None and (self.folder / "pages" / known.file).is_file():
            given = zip(_ASKED_BY, (known.etag, known.modified), strict=True)
            headers = {name: value for name, value in given if value}
        return self.client.get(address, headers, most)

    def read_robots(self) -> RobotFileParser:
        """The site's robots.txt; one that is not there allows everything."""
        robots = RobotFileParser()
        address = site_address.plain("/robots.txt", self.first)
        for _ in range(_REDIRECTS + 1):
            try:
                answer = self.ask(address, most=_ROBOTS_BYTES)
            except TooLarge:
                answer = Answer(404, {})
            target = site_address.plain(answer.headers.get("location", ""), address)
            if not 300 <= answer.status < 400 or site_address.host(target) != site_address.host(self.first):
                break
            address = target
        if answer.status >= 500:
            raise Unreachable(f"its robots.txt answers with status {answer.status}")
        said = answer.body.decode("utf-8-sig", "replace") if answer.status == 200 else ""
        robots.parse(said.splitlines())
        asked = robots.crawl_delay(AGENT)
        if asked is not None:
            self.pause = max(self.pause, min(float(asked), _LONGEST_PAUSE))
        return robots

    def page(self, address: str, depth: int) -> None:
        """Ask for one page, keep what came, or note why there is none, and queue what it links to."""
        known = self.kept.get(address)
        try:
            answer, final = self.answer(address, known)
        except TooLarge as error:
            self.skip(address, "too large", f"{error}; raise docs.max_bytes to read it")
            return
        except Unreachable as error:
            if address == self.start:
                raise
            self.keep_old(address, known, depth, str(error))
            return
        if answer.status == 304 and final in self.kept:
            self.add(self.kept[final], depth)
        elif answer.status >= 500 or answer.status == 429:
            if address == self.start:
                raise Unreachable(f"it answers with status {answer.status}")
            self.keep_old(address, known, depth, f"status {answer.status}")
        elif answer.status != 200:
            if answer.status > 0:
                self.skip(address, "not found" if answer.status in (404, 410) else "refused", f"status {answer.status}")
        elif _SITEMAP.match(answer.body[:4000]) and "xml" in answer.kind:
            self.sitemap(answer.body)
        elif final not in self.pages:
            self.new(final, answer, depth)

    def answer(self, address: str, known: Kept | None) -> tuple[Answer, str]:
        """The answer at the end of the redirects within the site, and its address; status 0: skipped already."""
        final = address
        been = {address}
        for _ in range(_REDIRECTS + 1):
            answer = self.ask(final, known)
            if not 300 <= answer.status < 400 or answer.status == 304:
                return answer, final
            target = site_address.plain(answer.headers.get("location", ""), final)
            if address == self.start and target and site_address.host(target) == site_address.host(self.first):
                self.first = target  # `/docs` → `/docs/`: the site is what stands beside that
            if not target or not site_address.belongs(target, self.first):
                self.skip(address, "redirect out of the site", f"to {target or 'no address'}")
                return Answer(0, {}), final
            if target in been:
                self.skip(address, "redirect loop", f"over {target}")
                return Answer(0, {}), final
            if target in self.seen and address != self.start:
                return Answer(0, {}), final  # its own turn comes, or came
            if not self.robots.can_fetch(AGENT, target):
                self.skip(address, "forbidden to robots", f"redirects to {target}")
                return Answer(0, {}), final
            been.add(target)
            self.seen.add(target)
            final, known = target, self.kept.get(target)
        self.skip(address, "redirect loop", f"more than {_REDIRECTS} redirects")
        return Answer(0, {}), final

    def keep_old(self, address: str, known: Kept | None, depth: int, why: str) -> None:
        if known is None or not (self.folder / "pages" / known.file).is_file():
            self.skip(address, "unreachable", why)
        else:
            self.warn(f"{address}: {why}; the page kept of an earlier run is read")
            self.add(known, depth)

    def add(self, page: Kept, depth: int) -> None:
        """A page that is kept already: it is followed from the file."""
        if page.address not in self.pages and page.address:
            self.pages[page.address] = page
            body = (self.folder / "pages" / page.file).read_bytes()
            self.follow(links(body, page.address, page.file.endswith(".html")), depth)

    def new(self, address: str, answer: Answer, depth: int) -> None:
        ending = site_address.suffix(answer.kind, address)
        if not ending:
            self.skip(address, "content type", answer.kind or "none")
            return
        if not answer.body.strip():
            self.skip(address, "empty")
            return
        taken = {page.file for page in self.pages.values()}
        name = site_address.file_name(address, site_address.folder(self.first), ending)
        while name in taken:
            name = f"{name.removesuffix(ending)}_{ending}"
        place = self.folder / "pages" / name
        body = encodings.marked(answer.body, answer.charset)
        if not place.is_file() or place.read_bytes() != body:
            self.changed += 1
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(place) as part:
                part.write_bytes(body)
        etag, modified = (answer.headers.get(name, "") for name in _UNTIL_THEN)
        self.pages[address] = Kept(address, name, etag, modified)
        self.follow(links(answer.body, address, ending == ".html"), depth)

    def sitemap(self, body: bytes) -> None:
        """The pages of a sitemap stand at depth 0, as the first page does, and so do the sitemaps that it names."""
        self.sitemaps += 1
        if self.sitemaps <= _SITEMAPS:
            found = (html.unescape(at.decode("utf-8", "replace")) for at in _LOCATION.findall(body))
            self.follow([site_address.plain(at, self.first) for at in found], -1)

    def follow(self, found: list[str], depth: int) -> None:
        if depth >= self.config.depth:
            return
        for address in found:
            if not address or address in self.seen or not site_address.belongs(address, self.first):
                continue
            self.seen.add(address)
            path = site_address.below(address, site_address.folder(self.first))
            is_map = address.endswith((".xml", ".xml.gz"))
            if self.include is not None and not is_map and not _matches(self.include, path):
                continue
            if _matches(self.exclude, path):
                self.skip(address, "excluded")
            elif not self.robots.can_fetch(AGENT, address):
                self.skip(address, "forbidden to robots", "by its robots.txt")
            else:
                self.queue.append((address, depth + 1))

    def skip(self, address: str, reason: str, detail: str = "") -> None:
        self.skipped.append(Skipped(address, reason, detail))


def _matches(patterns: GitIgnoreSpec, path: str) -> bool:
    """A page `guide/start` is named by `guide/` and by `*.html` alike."""
    return patterns.match_file(path) or patterns.match_file(f"{path}.html")


def links(body: bytes, address: str, is_html: bool) -> list[str]:
    """The addresses that a page links to, in its order, each once."""
    return list(dict.fromkeys(found for at in _hrefs(body, address, is_html) if (found := at)))


def _hrefs(body: bytes, address: str, is_html: bool) -> Iterator[str]:
    if not is_html:
        for found in _LINK.findall(body):
            yield site_address.plain(found.decode("utf-8", "replace"), address)
        return
    page = LexborHTMLParser(body)
    base = page.css_first("base[href]")
    address = (site_address.plain(base.attributes.get("href") or "", address) if base else "") or address
    for node in page.css("a[href], area[href], link[rel=next][href]"):
        yield site_address.plain(node.attributes.get("href") or "", address)
