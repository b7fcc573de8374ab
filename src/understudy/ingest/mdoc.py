"""The mdoc(7) macros, in which the BSD manuals and OpenSSH's are written: they say what a word means."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.ingest import compose, roff, tbl
from understudy.ingest.man_blocks import Blocks
from understudy.ingest.man_fonts import cell
from understudy.ingest.mdoc_phrases import PARTS, exits, library, reference, returns
from understudy.ingest.roff_lines import arguments as parts

_KINDS = ("-tag", "-enum", "-bullet", "-dash", "-hyphen", "-hang", "-inset", "-diag", "-ohang", "-column")
_CLOSING = frozenset(".,:;)]?!")
_OPENING = frozenset("([")
_CODE = frozenset({"Cm", "Ic", "Li", "Ev", "Dv", "Er", "Va", "Vt", "Fa", "Fn", "Pa", "In", "Ad", "Cd", "Fd", "Ft"})
_DECLARED = frozenset({"In", "Fd", "Ft", "Fn", "Vt"})  # in a synopsis, each a line of code
_ITALIC = frozenset({"Ar", "Em"})
_PLAIN = frozenset({"No", "Tn", "An", "Nd", "Ta", "Ux", "Bx", "Fx", "Nx", "Ox", "At", "Mt", "St", "Lb", "Ms"})
_ENCLOSED = {
    "Op": "[]", "Oo": "[ ", "Dq": "“”", "Do": "“ ", "Sq": "‘’", "Pq": "()", "Po": "( ", "Bq": "[]", "Aq": "<>",
    "Qq": '""', "Ql": "‘’", "Brq": "{}", "Bro": "{ ", "So": "‘ ", "Qo": '" ', "Bo": "[ ", "Ao": "< ",
}  # fmt: skip
_CLOSERS = {"Oc": "]", "Dc": "”", "Pc": ")", "Brc": "}", "Sc": "’", "Qc": '"', "Bc": "]", "Ac": ">"}
_OTHERS = frozenset({"Fl", "Nm", "Sy", "Xr", "Lk", "Ns", "Ap", "Sx", "Pf", "Sm"})
_CALLABLE = _CODE | _ITALIC | _PLAIN | _OTHERS | set(_ENCLOSED) | set(_CLOSERS)
_SYSTEMS = {"Ux": "UNIX", "Bx": "BSD", "Fx": "FreeBSD", "Nx": "NetBSD", "Ox": "OpenBSD", "At": "AT&T UNIX"}


class Mdoc:
    """Reads mdoc(7)."""

    KNOWN = _CALLABLE | {
        "Dd", "Dt", "Os", "Sh", "Ss", "Pp", "Lp", "Bl", "It", "El", "Bd", "Ed", "Dl", "D1", "Bf", "Ef", "Fo", "Fc",
        "TS", "TE", "Xo", "Xc", "Rs", "Re", "Rv", "Ex", "Bk", "Ek", "sp", "br", "nf", "fi",
    } | {f"%{part}" for part in PARTS}  # fmt: skip

    def __init__(self) -> None:
        self.title = ""
        self.name = ""
        self.out = Blocks()
        self.spaced = True
        self.open_item: list[str] | None = None  # an item whose head goes on over several lines
        self.looked = 0  # how many of its words are known not to end it
        self.lists: list[tuple[str, int]] = []  # kind, and the number of the item
        self.table: list[str] | None = None  # the lines of a tbl(1) table
        self.table_line = 1
        self.columns: list[list[list[str]]] = []  # the rows of each open column list, as the words of their cells
        self.function: list[str] | None = None  # a function's name and the arguments that follow on their lines
        self.synopsis = False
        self.declared: list[str] = []  # the lines of code of a synopsis
        self.declared_line = 1
        self.cited: list[tuple[str, str]] | None = None  # the parts of a work that is referred to

    def finish(self) -> str:
        self._end_declared()
        if self.cited:
            self.out.text(reference(self.cited))
        return self.out.finish()

    def line(self, line: str) -> None:
        name, arguments = roff.macro(line)
        out = self.out
        declares = self.synopsis and name in _DECLARED and not out.in_code and not self.lists
        if self.declared and not (declares or name in ("Fo", "Fa", "Fc", "Pp", "sp", "br")):
            self._end_declared()
        if declares and name is not None:
            self._declare(name, self._words([name, *arguments], in_code=True))
        elif self.table is not None:
            if name == "TE":
                lines, self.table = self.table, None
                out.block(compose.table(tbl.read(lines, cell)), self.table_line)
            else:
                self.table.append(line)
        elif name == "TS":
            out.paragraph(keep_item=True)
            self.table, self.table_line = [], out.line
        elif self.columns and name != "El" and self.lists and self.lists[-1][0] == "-column":
            self._column(name, line)
        elif name == "Fo":
            self.function = [roff.plain(a) for a in arguments[:1]]
        elif name == "Fc" and self.function is not None:
            (called, *given), self.function = self.function or [""], None
            if self.open_item is not None:
                self.open_item += ["Fn", called, *given]
            elif self.synopsis:
                self._declare("Fn", f"{called}({', '.join(given)})")
            else:
                self.out.text(compose.code_span(f"{called}({', '.join(given)})"))
        elif name == "Fa" and self.function is not None:
            self.function += [roff.plain(a) for a in arguments]
        elif self.open_item is not None:
            if name is None or name in self.KNOWN:
                self.open_item += [name, *arguments] if name is not None else line.split()
            if "Xc" in self.open_item[self.looked :]:
                head, self.open_item = self.open_item, None
                self._item([t for t in head if t not in ("Xo", "Xc")])
            else:
                self.looked = len(self.open_item)
        elif name == "It" and "Xo" in arguments:
            self.open_item, self.looked = list(arguments), 0
        elif name is None:
            if out.in_code:
                out.code_line(roff.plain(line))
            elif line.strip():
                out.text(roff.inline(line))
            else:
                out.paragraph(keep_item=True)
        elif name == "Dt" and arguments:
            section = f"({arguments[1]})" if len(arguments) > 1 else ""
            self.title = f"{roff.page_name(arguments[0])}{section}"
        elif name in ("Sh", "Ss"):
            self.lists.clear()
            self.synopsis = name == "Sh" and "".join(arguments[:1]).upper() == "SYNOPSIS"
            out.heading(2 if name == "Sh" else 3, roff.plain(" ".join(arguments)))
        elif name in ("Pp", "Lp"):
            out.paragraph(keep_item=True)
        elif name == "Bl":
            kind = next((a for a in arguments if a in _KINDS), "-item")
            self.lists.append(("-tag" if kind in ("-hang", "-inset", "-diag", "-ohang") else kind, 0))
            out.indent()
            if kind == "-column":
                self.columns.append([])
                self.table_line = out.line
        elif name == "It":
            self._item(arguments)
        elif name == "El":
            kind = self.lists.pop()[0] if self.lists else ""
            if kind == "-column" and self.columns:
                rows = self._cells(self.columns.pop())
                cells = [[self._words(words) for words in row] for row in rows]
                if rows and not all(words[0] in ("Sy", "Em") for words in rows[0] if words):  # no names of columns
                    cells.insert(0, [""] * max(map(len, cells)))
                out.block(compose.table(cells), self.table_line)
            out.dedent()
        elif name == "Bd":
            out.code(bool({"-literal", "-unfilled"} & set(arguments)))
        elif name == "Ed":
            out.code(False)
        elif name == "Dl":
            out.paragraph(keep_item=True)
            out.block(compose.code_block(self._words(arguments, in_code=True)))
        elif name == "D1":
            out.paragraph(keep_item=True)
            out.text(self._words(arguments))
            out.paragraph(keep_item=True)
        elif name == "Rs":
            self.cited = []
        elif name.startswith("%"):
            words = roff.inline(" ".join(arguments))  # a name such as `Bo` is no macro here
            if self.cited is not None:
                self.cited.append((name[1:], words))
            else:
                out.text(words)
        elif name == "Re" and self.cited is not None:
            parts_of, self.cited = self.cited, None
            out.text(reference(parts_of))
        elif name in ("Rv", "Ex"):
            names = [roff.plain(a) for a in arguments if a != "-std"] or [self.name]
            out.text(returns(names) if name == "Rv" else exits(names))
        elif name in _CALLABLE:
            self._inline(name, arguments)

    def _declare(self, name: str, code: str) -> None:
        """Add a line to the code of the synopsis; each function begins below a blank line, with what it returns."""
        if not self.declared:
            self.out.paragraph(keep_item=True)
            self.declared_line = self.out.line
        elif name == "Ft" or (name == "Fn" and self.declared[-1].endswith(";")):
            self.declared.append("")
        self.declared.append(f"{code};" if name == "Fn" and not code.endswith((";", ",")) else code)

    def _end_declared(self) -> None:
        lines, self.declared = self.declared, []
        self.out.block(compose.code_block("\n".join(lines)), self.declared_line)

    def _column(self, name: str | None, line: str) -> None:
        """A line of a column list: `It` begins a row, `Ta` and tabs part its cells."""
        if name == "It":
            self.columns[-1].append([])
        if self.columns[-1] and name not in ("Pp", "sp", "br"):
            text = line.partition("It")[2] if name == "It" else line.lstrip(".'") if name is not None else line
            for place, part in enumerate(text.split("\t")):
                self.columns[-1][-1] += [*(["Ta"] if place else []), *parts(part)]

    def _cells(self, rows: list[list[str]]) -> list[list[list[str]]]:
        """The words of each row, parted into cells."""
        parted: list[list[list[str]]] = []
        for row in rows:
            cells: list[list[str]] = [[]]
            for word in row:
                if word == "Ta":
                    cells.append([])
                elif word not in ("Xo", "Xc"):
                    cells[-1].append(word)
            parted.append(cells)
        return parted

    def _inline(self, name: str, arguments: list[str]) -> None:
        if name == "Nm" and not self.name and arguments:
            self.name = arguments[0]
        if name == "Nm" and self.synopsis and not self.lists and not self.out.in_code:
            self.out.paragraph(keep_item=True)  # a command may be called in several ways
        if self.out.in_code:
            self.out.code_line(self._words([name, *arguments], in_code=True))
        else:
            shown = self._words([name, *arguments])
            self.out.text(f"– {shown}" if name == "Nd" else shown)

    def _item(self, arguments: list[str]) -> None:
        self.out.paragraph()
        kind, number = self.lists[-1] if self.lists else ("-tag", 0)
        if self.lists:
            self.lists[-1] = (kind, number + 1)
        if kind == "-enum":
            self.out.item(f"{number + 1}.")
        elif kind == "-tag":
            self.out.item(self._words(arguments), named=True)
        else:
            self.out.item("•")
            self.out.text(self._words(arguments))

    def _words(self, tokens: Sequence[str], in_code: bool = False) -> str:
        """The text of a macro line: each macro shapes the arguments up to the next one. in_code: without Markdown."""
        escape = _as_it_is if in_code else compose.escape
        text: list[str] = []
        glued = True
        index = 0
        pending: list[str] = []  # closing marks of enclosures that run to the end of the line
        ending = len(tokens)  # from where on nothing but closing marks follows
        while ending and tokens[ending - 1] in _CLOSING:
            ending -= 1

        def add(piece: str, close: bool = False) -> None:
            nonlocal glued
            text.append(piece if glued or close or not text else f" {piece}")
            glued = not self.spaced

        while index < len(tokens):
            token = tokens[index]
            index += 1
            if token not in _CALLABLE:
                if pending and index > ending:
                    text.extend(reversed(pending))
                    pending.clear()
                add(roff.plain(token) if in_code else roff.inline(token), close=token in _CLOSING)
                glued = glued or token in _OPENING
                continue
            until = index
            while until < len(tokens) and tokens[until] not in _CALLABLE and tokens[until] not in _CLOSING:
                until += 1
            arguments = [roff.plain(t) for t in tokens[index:until]]
            if token in ("Ns", "Ap"):
                text += ["'"] if token == "Ap" else []
                glued = True
                continue
            if token in _ENCLOSED:
                marks = _ENCLOSED[token]
                add(escape(marks[0]))
                glued = True
                if marks[1] != " ":  # one with a closing macro of its own
                    pending.append(marks[1])
                continue
            if token in _CLOSERS:
                add(_CLOSERS[token], close=True)
                continue
            index = until
            if token == "Sm":
                self.spaced = arguments[:1] != ["off"] if arguments else not self.spaced
                continue
            if token == "Pf":
                add(escape("".join(arguments[:1])))
                glued = True
                for word in arguments[1:]:
                    add(escape(word))
                continue
            piece = self._shaped(token, arguments, in_code)
            if piece:
                add(piece)
        return "".join([*text, *reversed(pending)])

    def _shaped(self, name: str, arguments: list[str], in_code: bool) -> str:
        words = " ".join(arguments)
        code, escape = (_as_it_is, _as_it_is) if in_code else (compose.code_span, compose.escape)
        if name == "Fl":
            return code(" ".join(f"-{a}" for a in arguments) or "-")
        if name == "Nm":
            return code(words or self.name)
        if name == "Xr":
            return arguments[0] + (f"({arguments[1]})" if len(arguments) > 1 else "") if arguments else ""
        if name == "Lk" and not in_code:
            return f"[{' '.join(arguments[1:])}]({arguments[0]})" if len(arguments) > 1 else f"<{words}>"
        if name == "Ar":
            return code(words or "file ...")
        if name == "Fn":
            return code(f"{arguments[0]}({', '.join(arguments[1:])})") if arguments else ""
        if name == "Sy":
            return code(words)
        if name == "In":
            return code(f"#include <{words}>") if words else ""
        if name == "Lb":
            return escape(library(words))
        if name in _CODE:
            return code(words)
        if name in _ITALIC:
            return f"*{escape(words)}*" if words and not in_code else words
        return " ".join(p for p in (_SYSTEMS.get(name, ""), escape(words)) if p)


def _as_it_is(text: str) -> str:
    return text
