"""The answers of the stand-in: the parts of the hub's HTTP interface that its clients use."""

from __future__ import annotations

import json
import re
import time
from http.server import BaseHTTPRequestHandler
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from standin.faults import Fault
from standin.repositories import File, Revision

if TYPE_CHECKING:
    from standin.server import Hub

API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"
    r"(?:/(?P<verb>revision|tree|refs)(?:/(?P<revision>[^/]+))?(?:/(?P<path>.*))?)?"
)
FILE = re.compile(
    r"/(?P<name>(?:datasets/)?[^/]+/[^/]+)/(?:resolve|raw)/(?P<revision>[^/]+)/(?P<path>.+)"
)
OTHER_COMMIT = "0123456789" * 4
CHUNK = 1 << 16


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = CHUNK

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; `Hub.requests` has it."""

    def do_GET(self) -> None:
        self.place = urlsplit(self.path)
        self.route = unquote(self.place.path)
        fault = self._fault("silent", "status")
        if fault is None:
            self.answer()
        elif fault.kind == "silent":
            self._log(0)
            self.hub.stopped.wait()
            self.close_connection = True
        else:
            self._error(fault.status, "", "made to fail", fault.headers)

    do_HEAD = do_GET

    def answer(self) -> None:
        raise NotImplementedError

    def _fault(self, *kinds: Any) -> Fault | None:
        return self.hub.faults.take(self.command, self.route, *kinds)

    def _log(self, status: int) -> None:
        from standin.server import Request

        asked = self.headers.get("Range")
        authorized = "Authorization" in self.headers
        self.hub.requests.append(Request(self.command, self.path, asked, status, authorized))

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self._log(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        fault = self._fault("endless", "slow")
        if fault is not None and fault.kind == "endless":
            return self._pour(status, headers)
        self._begin(status, {"Content-Length": str(len(body)), **headers})
        if fault is not None:
            self._send_body(File("", body), 0, len(body), fault)
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _pour(self, status: int, headers: dict[str, str]) -> None:
        """Send bytes until the client hangs up."""
        headers = {name: text for name, text in headers.items() if name != "Content-Length"}
        self.close_connection = True
        self._begin(status, headers | {"Connection": "close"})
        while self.command != "HEAD" and not self.hub.stopped.is_set():
            self.wfile.write(b" " * CHUNK)

    def _json(self, value: object, headers: dict[str, str] | None = None) -> None:
        content = {"Content-Type": "application/json; charset=utf-8"}
        self._send(200, content | (headers or {}), json.dumps(value).encode())

    def _error(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        told = {"X-Error-Message": message, "Content-Type": "application/json"}
        if code:
            told["X-Error-Code"] = code
        self._send(status, told | (headers or {}), json.dumps({"error": message}).encode())

    def _send_file(self, file: File, headers: dict[str, str]) -> None:
        """Send a file, or the range of it that was asked for."""
        start, stop, status = 0, file.size, 200
        asked = self.headers.get("Range")
        if asked and not (self.command == "GET" and self._fault("whole")):
            span = _span(asked, file.size)
            if span is None:
                nothing = {"Content-Range": f"bytes */{file.size}"}
                return self._send(416, nothing)
            (start, stop), status = span, 206
            headers = headers | {"Content-Range": f"bytes {start}-{stop - 1}/{file.size}"}
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(stop - start), **headers}
        fault = None
        if self.command == "GET":
            fault = self._fault("cut", "truncate", "short", "corrupt", "slow", "endless")
        if fault is not None and fault.kind == "endless":
            return self._pour(status, headers)
        if fault is not None and fault.kind == "short":
            # A file that really is shorter than the hub thinks.
            if start >= fault.after:
                return self._send(416, {"Content-Range": f"bytes */{fault.after}"})
            stop = min(stop, fault.after)
            headers["Content-Length"] = str(stop - start)
        self._begin(status, headers)
        if self.command != "HEAD":
            self._send_body(file, start, stop, fault)

    def _send_body(self, file: File, start: int, stop: int, fault: Fault | None) -> None:
        kind, end = (fault.kind, stop) if fault else (None, stop)
        if fault is not None and kind == "cut":
            end = min(stop, start + fault.after)
        elif fault is not None and kind == "truncate":
            end = max(start, min(stop, fault.after))
        position = start
        while position < end:
            chunk = file.read(position, min(position + CHUNK, end))
            if fault is not None and kind == "slow":
                chunk = chunk[: max(1, int(fault.rate / 20))]
                time.sleep(len(chunk) / fault.rate)
            position += len(chunk)
            if kind == "corrupt":
                chunk = bytes(255 - byte for byte in chunk)
            self.wfile.write(chunk)
            if kind == "slow":
                self.wfile.flush()
        if end < stop:
            self.wfile.flush()
            self.close_connection = True


class HubHandler(_Handler):
    """The hub itself."""

    def answer(self) -> None:
        # Patterns meet the path as it came, since a revision may hold an escaped slash.
        for pattern, answer in ((API, self._api), (FILE, self._resolve)):
            if match := pattern.fullmatch(self.place.path):
                return answer(
                    **{name: unquote(text or "") for name, text in match.groupdict().items()}
                )
        return self._error(404, "", f"no such page: {self.route}")

    def _api(self, kind: str, name: str, verb: str, revision: str, path: str) -> None:
        full = f"datasets/{name}" if kind == "datasets" else name
        branches = self.hub.repositories.branches(full)
        if branches is None:
            return self._error(404, "RepoNotFound", "Repository not found")
        if verb == "refs":
            return self._json(_refs(branches))
        found = self.hub.repositories.revision(full, revision or "main")
        if found is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if verb == "tree":
            return self._tree(found, path.strip("/"))
        commit = OTHER_COMMIT if self._fault("commit") else found.commit
        files = [{"rfilename": path} for path in found.files]
        return self._json({"id": name, "sha": commit, "siblings": files})

    def _tree(self, revision: Revision, folder: str) -> None:
        query = parse_qs(self.place.query)
        recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = [_folder(path) for path in revision.folders()]
        entries += [file.description() for file in revision.files.values()]
        inside = [
            entry
            for entry in sorted(entries, key=lambda entry: entry["path"])
            if _is_inside(entry["path"], folder, recursive)
        ]
        if folder and not inside:
            return self._error(404, "EntryNotFound", f"{folder} does not exist on this revision")
        start = int(query.get("cursor", ["0"])[0])
        stop = start + min(self.hub.page, int(query.get("limit", [self.hub.page])[0]))
        headers = {}
        if stop < len(inside):
            again = f"{self.hub.endpoint}{self.place.path}?recursive={recursive}&cursor={stop}"
            headers["Link"] = f'<{again}&limit={stop - start}>; rel="next"'
        if fault := self._fault("next"):
            headers = fault.headers
        return self._json(inside[start:stop], headers)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        if self.hub.repositories.branches(name) is None:
            return self._error(404, "RepoNotFound", "Repository not found")
        found = self.hub.repositories.revision(name, revision)
        if found is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit = {"X-Repo-Commit": OTHER_COMMIT if self._fault("commit") else found.commit}
        file = found.files.get(path)
        if file is None:
            return self._error(404, "EntryNotFound", "Entry not found", commit)
        if not file.is_large:
            return self._send_file(file, commit | {"ETag": f'"{file.etag}"'})
        linked = {
            "X-Linked-Size": str(file.size),
            "X-Linked-Etag": f'"{file.etag}"',
            "Location": f"{self.hub.files_endpoint}/{quote(name)}/raw/{found.commit}/{quote(path)}"
            "?signature=1",
        }
        return self._send(302, commit | linked)


class FileHandler(_Handler):
    """The host that large files come from, by signed links."""

    def answer(self) -> None:
        match = FILE.fullmatch(self.route)
        if match is None or "signature" not in self.place.query or self._fault("expired"):
            return self._send(403, {"Content-Type": "text/plain"}, b"the link has expired")
        if "Authorization" in self.headers:
            return self._send(400, {"Content-Type": "text/plain"}, b"two ways to authorize")
        found = self.hub.repositories.revision(match["name"], match["revision"])
        assert found is not None
        file = found.files[match["path"]]
        return self._send_file(file, {"ETag": f'"{file.etag}"'})


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Return where an asked range starts and stops; None: it lies outside of the file."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else None


def _folder(path: str) -> dict:
    return {"type": "directory", "oid": path.encode().hex()[:40].ljust(40, "0"), "size": 0} | {
        "path": path
    }


def _is_inside(path: str, folder: str, recursive: bool) -> bool:
    if recursive:
        return not folder or path.startswith(f"{folder}/")
    return PurePosixPath(path).parent.as_posix() == (folder or ".")


def _refs(branches: dict[str, Revision]) -> dict:
    return {
        "branches": [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": revision.commit}
            for name, revision in branches.items()
        ],
        "converts": [],
        "tags": [],
    }
