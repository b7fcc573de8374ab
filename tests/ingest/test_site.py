"""A site by its address, against a server on this machine that redirects, loops, fails, dawdles and floods."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from understudy.artifact import read_records
from understudy.errors import InputError
from understudy.ingest import site, site_address
from understudy.ingest.config import IngestConfig
from understudy.ingest.stage import run
from understudy.pipeline import Pipeline
from understudy.recipe import parse
from understudy.stage import Inputs, RunContext
from understudy.types import Document

PAGE = "<html><title>{0}</title><main><h1 id=top>{0}</h1><p>The lamp of {0} is green.</p>{1}</main></html>"


def page(name: str, *links: str) -> tuple[int, dict[str, str], bytes]:
    anchors = " ".join(f'<a href="{link}">next</a>' for link in links)
    return 200, {"Content-Type": "text/html"}, PAGE.format(name, anchors).encode()


class Web:
    """A site whose answers are set by path: (status, headers, body), or a function that writes one."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                said = web.pages.get(self.path, (404, {}, b"no such page"))
                if callable(said):
                    said(self)
                    return
                status, headers, body = said
                etag = headers.get("ETag")
                if status == 200 and etag and self.headers.get("If-None-Match") == etag:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    yield found
    found.close()


def config(web: Web, root: Path, first: str = "/docs/", **settings: object) -> IngestConfig:
    return IngestConfig(url=web.url + first, pause=0, **settings).settled(root)  # type: ignore[arg-type]


def fetch(wanted: IngestConfig, warnings: list[str] | None = None) -> dict[str, str]:
    """Refresh; the path of each page that is kept, with its file."""
    said: list[str] = [] if warnings is None else warnings
    site.refresh(wanted, lambda text: None, said.append)
    assert wanted.kept is not None
    return {a.split("/", 3)[3]: f for f, a in site.addresses(wanted.kept).items()}


def reasons(wanted: IngestConfig) -> dict[str, str]:
    assert wanted.kept is not None
    return {s.path.split("/", 3)[3]: s.reason for s in site.read(wanted.kept).skipped}


def documents(wanted: IngestConfig, folder: Path) -> list[Document]:
    folder.mkdir(exist_ok=True)
    run(wanted, Inputs(), RunContext(out=folder, work=folder, root=folder, logger=logging.getLogger("t")))
    return read_records(folder / "documents.jsonl", Document)


def test_links_are_followed_on_the_host_below_the_first_pages_folder(web: Web, tmp_path: Path) -> None:
    web.pages = {
        "/docs/": page("Start", "a.html#x", "/docs/b", "/blog/", "http://other.example/docs/", "mailto:a@b", "b?v=2"),
        "/docs/a.html": page("A", "/docs/", "a.html", "c/"),
        "/docs/b": page("B"),
        "/docs/b?v=2": page("B2"),
        "/docs/c/": page("C", "../../docs/a.html"),
        "/blog/": page("Blog"),
    }
    wanted = config(web, tmp_path)
    assert set(fetch(wanted)) == {"docs/", "docs/a.html", "docs/b", "docs/b?v=2", "docs/c/"}
    assert web.asked.count("/docs/a.html") == 1
    assert "/blog/" not in web.asked
    found = {d.doc_id: d for d in documents(wanted, tmp_path / "out")}
    assert f"{web.url}/docs/a.html" in found
    assert found[f"{web.url}/docs/c/"].title == "C"
    assert found[f"{web.url}/docs/a.html"].places[0][1] == "#top"


def test_a_site_on_this_machine_is_asked_without_a_proxy(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages = {"/docs/": page("Start")}
    proxy = Web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    try:
        assert set(fetch(config(web, tmp_path))) == {"docs/"}
        assert not proxy.asked
    finally:
        proxy.close()


def test_depth_include_exclude_and_a_bound_on_pages(web: Web, tmp_path: Path) -> None:
    web.pages = {
        "/docs/": page("Start", "guide/a", "old/a", "a"),
        "/docs/guide/a": page("Guide", "b"),
        "/docs/guide/b": page("Deep"),
        "/docs/old/a": page("Old"),
        "/docs/a": page("A"),
    }
    assert set(fetch(config(web, tmp_path, depth=1))) == {"docs/", "docs/guide/a", "docs/old/a", "docs/a"}
    assert set(fetch(config(web, tmp_path, include=("guide/",)))) == {"docs/", "docs/guide/a", "docs/guide/b"}
    without = config(web, tmp_path, exclude=("old/",))
    assert "docs/old/a" not in fetch(without)
    assert reasons(without) == {"docs/old/a": "excluded"}
    said: list[str] = []
    assert len(fetch(config(web, tmp_path, max_pages=2), said)) == 2
    assert "2 pages are fetched and more are linked" in said[0]


def test_redirects_loops_and_missing_pages_are_told_and_end_nothing(web: Web, tmp_path: Path) -> None:
    web.pages = {
        "/docs": (301, {"Location": "/docs/"}, b""),
        "/docs/": page("Start", "moved", "loop", "away", "gone", "self", "long0"),
        "/docs/moved": (302, {"Location": "new"}, b""),
        "/docs/new": page("New"),
        "/docs/loop": (302, {"Location": "loop2"}, b""),
        "/docs/loop2": (302, {"Location": "loop"}, b""),
        "/docs/self": (302, {"Location": "self"}, b""),
        "/docs/away": (302, {"Location": "http://other.example/docs/"}, b""),
        **{f"/docs/long{n}": (302, {"Location": f"long{n + 1}"}, b"") for n in range(9)},
    }
    wanted = config(web, tmp_path, "/docs")
    assert set(fetch(wanted)) == {"docs/", "docs/new"}
    assert reasons(wanted) == {
        "docs/loop": "redirect loop",
        "docs/self": "redirect loop",
        "docs/away": "redirect out of the site",
        "docs/gone": "not found",
        "docs/long0": "redirect loop",
    }


def test_slow_and_huge_answers_and_other_types_are_left_out(web: Web, tmp_path: Path) -> None:
    def slow(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        for _ in range(100):
            time.sleep(0.05)
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    web.pages = {
        "/docs/": page("Start", "slow", "huge", "logo.png", "notes.md", "plain.txt", "empty", "old"),
        "/docs/slow": slow,
        "/docs/huge": (200, {"Content-Type": "text/html"}, b"x" * 50_000),
        "/docs/logo.png": (200, {"Content-Type": "image/png"}, b"png"),
        "/docs/notes.md": (200, {"Content-Type": "text/plain; charset=utf-8"}, b"# Notes\n\nSee [more](more.md)."),
        "/docs/more.md": (200, {"Content-Type": "text/markdown"}, b"# More\n\nThe lamp is red."),
        "/docs/plain.txt": (200, {"Content-Type": "text/plain"}, b"The lamp is blue."),
        "/docs/empty": (200, {"Content-Type": "text/html"}, b""),
        "/docs/old": (200, {"Content-Type": "text/html; charset=windows-1250"}, "<p>Žlutý kůň stojí.".encode("cp1250")),
    }
    wanted = config(web, tmp_path, max_bytes=20_000, timeout_seconds=2)
    began = time.monotonic()
    kept = fetch(wanted)
    assert time.monotonic() - began < 15
    assert {kept["docs/notes.md"], kept["docs/more.md"], kept["docs/plain.txt"]} == {"notes.md", "more.md", "plain.txt"}
    assert reasons(wanted) == {
        "docs/slow": "unreachable",
        "docs/huge": "too large",
        "docs/logo.png": "content type",
        "docs/empty": "empty",
    }
    assert "Žlutý kůň stojí." in {d.text.strip() for d in documents(wanted, tmp_path / "out")}


def test_robots_txt_is_obeyed_and_its_sitemap_followed(web: Web, tmp_path: Path) -> None:
    robots = f"User-agent: *\nDisallow: /docs/private/\nSitemap: {web.url}/docs/map.xml\n"
    listed = "".join(f"<url><loc>{web.url}/docs/{n}</loc></url>" for n in ("alone", "private/b", "q?a=1&amp;b=2"))
    web.pages = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, robots.encode()),
        "/docs/map.xml": (
            200,
            {"Content-Type": "application/xml"},
            f"<?xml version='1.0'?><urlset>{listed}</urlset>".encode(),
        ),
        "/docs/": page("Start", "private/a"),
        "/docs/alone": page("Alone"),
        "/docs/q?a=1&b=2": page("Query"),
        "/docs/private/a": page("Secret"),
    }
    wanted = config(web, tmp_path)
    assert set(fetch(wanted)) == {"docs/", "docs/alone", "docs/q?a=1&b=2"}
    assert reasons(wanted) == {"docs/private/a": "forbidden to robots", "docs/private/b": "forbidden to robots"}
    by_map = config(web, tmp_path, "/docs/map.xml", depth=0)
    assert set(fetch(by_map)) == {"docs/alone", "docs/q?a=1&b=2"}
    web.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    with pytest.raises(InputError, match="does not allow"):
        fetch(wanted)


def test_a_second_run_asks_for_what_changed_and_an_unreachable_site_leaves_what_is_kept(
    web: Web, tmp_path: Path
) -> None:
    status, headers, body = page("Start", "a", "b")
    web.pages = {"/docs/": (status, {**headers, "ETag": '"1"'}, body), "/docs/a": page("A"), "/docs/b": page("B")}
    wanted = config(web, tmp_path)
    before = set(fetch(wanted))
    assert wanted.kept is not None
    start = wanted.kept / "pages" / "index.html"
    made = start.stat().st_mtime_ns
    assert set(fetch(wanted)) == before  # the first page was not sent again, and its links are still followed
    assert start.stat().st_mtime_ns == made
    web.pages["/docs/a"] = (503, {}, b"later")
    del web.pages["/docs/b"]
    said: list[str] = []
    assert set(fetch(wanted, said)) == {"docs/", "docs/a"}
    assert "status 503; the page kept" in said[0]
    assert not (wanted.kept / "pages" / "b.html").exists()
    web.close()
    assert set(fetch(wanted, said)) == {"docs/", "docs/a"}
    assert "2 pages kept of an earlier run are read" in said[-1]
    with pytest.raises(InputError, match="nothing is kept"):
        fetch(config(web, tmp_path / "new"))


def test_a_plan_asks_nothing_and_a_run_makes_only_what_changed_again(web: Web, tmp_path: Path) -> None:
    web.pages = {"/docs/": page("Start", "a"), "/docs/a": page("A")}
    recipe = parse(f"name: s\nbase_model: lab:reader\ndocs: {{url: '{web.url}/docs/', pause: 0}}\n")
    line = Pipeline(recipe, tmp_path).plan()[0]
    assert (line.status, web.asked) == ("waits", [])
    assert "nothing of it is kept" in line.estimate.note
    first = Pipeline(recipe, tmp_path).run(until="ingest")["ingest"]
    again = Pipeline(recipe, tmp_path).run(until="ingest")["ingest"]
    assert first.key == again.key
    assert str(tmp_path) not in str(again.manifest["config"])
    asked = len(web.asked)
    assert Pipeline(recipe, tmp_path).plan()[0].status == "cached"
    assert len(web.asked) == asked
    web.pages["/docs/a"] = page("Another")
    assert Pipeline(recipe, tmp_path).run(until="ingest")["ingest"].key != first.key


def test_a_host_of_the_recipe_may_be_reached_and_one_place_is_named() -> None:
    recipe = parse("name: s\nbase_model: lab:reader\ndocs: {url: 'https://docs.example.org/guide/'}\n")
    assert recipe.contacts() == {"docs.example.org": ["docs.url"]}
    for docs in ("{}", "{path: a, url: 'https://b.example/'}", "{url: b.example}"):
        with pytest.raises(Exception, match="url"):
            parse(f"name: s\nbase_model: lab:reader\ndocs: {docs}\n")


@pytest.mark.parametrize(
    "path",
    ["/docs/../../x", "/docs/%2e%2e/%2e%2e/x", "/docs/.hidden", "/docs/a%00b", "/docs/" + "n" * 400, "/docs//a//"],
)
def test_no_address_leads_out_of_the_folder(path: str) -> None:
    name = site_address.file_name("http://h" + path, "/docs/", ".html")
    assert not name.startswith("/")
    assert not any(part.startswith(".") or len(part) > 120 for part in name.split("/"))
    assert "\0" not in name
