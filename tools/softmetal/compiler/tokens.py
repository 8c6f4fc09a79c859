"""The tokens of a preprocessed Metal source, with the line each stands on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<mark>^\#[^\n]*)"
    r"|(?P<space>\s+|//[^\n]*|/\*.*?\*/)"
    r'|(?P<text>"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')'
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)"
    r"|(?P<sign>\[\[|\]\]|::|->|<<=|>>=|<<|[-+*/%&|^<>=!]=|&&|\|\||\+\+|--|.)",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r'# (\d+) "([^"]*)"')
_CLOSES = {"(": ")", "[": "]", "{": "}", "[[": "]]"}


class MetalError(Exception):
    """What is wrong with a source, and where."""

    def __init__(self, token: Token, what: str) -> None:
        super().__init__(f"{token.file}:{token.line}: error: {what}")


@dataclass
class Token:
    kind: str
    text: str
    file: str
    line: int


class Tokens:
    """A source as a list of tokens that can be walked past white space and brackets."""

    def __init__(self, source: str) -> None:
        self.all: list[Token] = []
        file, line = "program_source", 1
        brackets: list[str] = []
        for match in _TOKEN.finditer(source):
            kind, text = match.lastgroup or "sign", match.group()
            if mark := _MARK.match(text) if kind == "mark" else None:
                file, line = mark[2], int(mark[1]) - 1
                kind = "space"
            for part in self._parts(text, kind, brackets):
                self.all.append(Token("space" if kind == "mark" else kind, part, file, line))
            line += text.count("\n")

    @staticmethod
    def _parts(text: str, kind: str, brackets: list[str]) -> list[str]:
        """`]]` closes an attribute only; in a[b[0]] it is two brackets."""
        if kind != "sign":
            return [text]
        if text in ("[", "[["):
            brackets.append(text)
        elif text == "]" and brackets:
            brackets.pop()
        elif text == "]]":
            if brackets and brackets[-1] == "[[":
                brackets.pop()
                return [text]
            del brackets[-2:]
            return ["]", "]"]
        return [text]

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: int) -> str:
        return self.all[index].text if 0 <= index < len(self.all) else ""

    def is_name(self, index: int, text: str) -> bool:
        return self[index] == text and self.all[index].kind == "name"

    def next(self, index: int, step: int = 1) -> int:
        """The next token that is no space; len(self) or -1 where there is none."""
        index += step
        while 0 <= index < len(self.all) and self.all[index].kind == "space":
            index += step
        return index

    def match(self, index: int) -> int:
        """The bracket that closes the one at `index`."""
        open_ = [_CLOSES[self[index]]]
        at = index
        while open_:
            at += 1
            if at >= len(self.all):
                raise MetalError(self.all[index], "unbalanced brackets")
            text = self[at]
            if self.all[at].kind != "sign":
                continue
            if text in _CLOSES:
                open_.append(_CLOSES[text])
            elif text in _CLOSES.values() and open_.pop() != text:
                raise MetalError(self.all[at], "unbalanced brackets")
        return at

    def match_angle(self, index: int) -> int:
        """The > that closes the template list at `index`."""
        depth, at = 0, index
        while at < len(self.all):
            text = self[at]
            if text in _CLOSES:
                at = self.match(at)
            depth += (text == "<") - (text == ">")
            if depth == 0:
                return at
            at += 1
        raise MetalError(self.all[index], "unbalanced template list")

    def split(self, begin: int, end: int) -> list[list[int]]:
        """The tokens of [begin, end) between the commas of the outermost level."""
        parts: list[list[int]] = [[]]
        depth = 0
        for at in range(begin, end):
            text = self[at]
            if self.all[at].kind == "sign":
                depth += (text in _CLOSES) - (text in _CLOSES.values()) + (text == "<") - (text == ">")
                if text == "," and depth == 0:
                    parts.append([])
                    continue
            parts[-1].append(at)
        return parts

    def text(self, indices: Iterable[int]) -> str:
        return "".join(self[at] for at in indices)

    def words(self, indices: Iterable[int]) -> list[int]:
        return [at for at in indices if self.all[at].kind != "space"]
