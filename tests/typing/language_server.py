"""A client of basedpyright's language server: what an editor shows of a program."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Editor"]


class Editor:
    """An editor with one program open."""

    def __init__(self, file: Path, text: str) -> None:
        server = Path(sys.executable).with_name("basedpyright-langserver")
        self._process = subprocess.Popen([server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ids = count(1)
        self._text = text
        self._document = {"uri": file.as_uri()}
        shown = {"hover": {"contentFormat": ["plaintext"]}}
        documented = {"signatureInformation": {"documentationFormat": ["plaintext"]}}
        capabilities = {
            "textDocument": {**shown, "signatureHelp": documented},
            "workspace": {"configuration": True},
        }
        folder = {"uri": file.parent.as_uri(), "name": "user"}
        self._ask("initialize", {"processId": None, "capabilities": capabilities, "workspaceFolders": [folder]})
        self._tell("initialized", {})
        opened = {**self._document, "languageId": "python", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": opened})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def hover(self, line: str, word: str) -> str:
        """Return what the editor shows when the pointer rests on a word after the beginning of a line."""
        found = self._ask("textDocument/hover", self._position(self._text.index(word, self._text.index(line))))
        return str(found["contents"]["value"]) if found else ""

    def active_argument(self, line: str, argument: str) -> str:
        """Return what the editor shows of an argument of a line while its value is typed."""
        place = self._text.index(argument, self._text.index(line)) + len(argument)
        (signature,) = self._ask("textDocument/signatureHelp", self._position(place))["signatures"]
        return str(signature["parameters"][signature["activeParameter"]]["documentation"]["value"])

    def completions(self, line: str, argument: str) -> list[str]:
        """Return what the editor offers behind an argument of a line."""
        place = self._text.index(argument, self._text.index(line)) + len(argument)
        found = self._ask("textDocument/completion", self._position(place))
        return [str(each["label"]) for each in (found["items"] if isinstance(found, dict) else found or ())]

    def _position(self, place: int) -> dict[str, Any]:
        before = self._text[:place]
        position = {"line": before.count("\n"), "character": place - before.rfind("\n") - 1}
        return {"textDocument": self._document, "position": position}

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        id_ = next(self._ids)
        self._send({"id": id_, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == id_ and "method" not in message:
                return message["result"]
            if message.get("method") == "workspace/configuration":
                python = {"pythonPath": sys.executable}
                asked = [python if item.get("section") == "python" else {} for item in message["params"]["items"]]
                self._send({"id": message["id"], "result": asked})
            elif "id" in message:
                self._send({"id": message["id"], "result": None})

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while header := self._process.stdout.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message
