"""Answers that break the rules of HTTP, for AlloMia and for Vault alike."""

from __future__ import annotations

from tests.allomias import BODY_CANARY
from tests.faults.peers import answers, is_mute, repeats, says

JSON = b"Content-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\n" + JSON
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
RED = "\x1b[31m"
BROKEN = {
    "content-length too long": says(OK + b"Content-Length: 9999\r\n\r\n{"),
    "content-length negative": says(OK + b"Content-Length: -1\r\n\r\n{}"),
    "content-length no number": says(OK + b"Content-Length: many\r\n\r\n{}"),
    "content-length huge": says(OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}"),
    "content-length twice": says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "chunk without a length": says(CHUNKED + b"zz\r\n{}"),
    "chunk that is never full": says(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n{}"),
    "trailers without end": repeats(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-More: a\r\n" * 1000),
    "header without end": repeats(OK + b"X-Long: ", b"a" * 65536),
    "headers without end": repeats(OK, b"X-More: a\r\n" * 1000),
    "header without a colon": says(OK + b"nonsense\r\nContent-Length: 2\r\n\r\n{}"),
    "control character in a header": answers(b"{}", status="302 Found", Location=f"http://evil{RED}/"),
    "line break in the status": says(b"HTTP/1.1 200\r OK\r\n\r\n{}"),
    "status of letters": says(b"HTTP/1.1 abc Odd\r\nContent-Length: 0\r\n\r\n"),
    "status 000": says(b"HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n"),
    "switching protocols": says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"),
    "no bytes at all": says(b""),
    "another protocol": says(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "http/0.9": says(f"<html>{BODY_CANARY}</html>".encode()),
    "http/2": says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
    "tls": says(b"\x15\x03\x01\x00\x02\x02\x28"),
}
STRANGE = {
    "content-length too short": says(OK + b"Content-Length: 1\r\n\r\n{}"),
    "two framings": says(OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
    "escape in a header": says(OK + f"X-Red: {RED}\r\nContent-Length: 2\r\n\r\n[]".encode()),
    "page called json": answers(f"<html>{RED}{BODY_CANARY}</html>".encode()),
    "json called a page": answers(b"{}", kind="text/html"),
    "no content type": says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "utf-7": answers(b"+AHsAfQ-", kind="application/json; charset=utf-7"),
    "utf-16": answers("{}".encode("utf-16"), kind="application/json; charset=utf-16"),
    "byte order mark": answers(b"\xef\xbb\xbf{}"),
    "gzip that is none": answers(b"{}", Content_Encoding="gzip"),
    "brotli that is none": answers(b"[]", Content_Encoding="br"),
    "empty": answers(b""),
    "half of it": answers(b"[]", status="206 Partial Content"),
    "no content": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
}
TROUBLE = {
    "escape in the reason": answers(b"", status=f"500 {RED}red"),
    "status 600": answers(BODY_CANARY.encode(), status="600 Odd"),
    "status 999": answers(BODY_CANARY.encode(), status="999 Odd"),
}
LATE = {
    "says nothing": is_mute,
    "drips its head": repeats(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", pause=0.02),
    "drips its body": repeats(OK + b"Content-Length: 9999\r\n\r\n", b" ", pause=0.02),
    "drips its chunks": repeats(CHUNKED, b"1\r\n \r\n", pause=0.02),
    "drips 100 for ever": repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02),
}
FLOODS = {
    "announced": repeats(OK + b"Content-Length: 104857600\r\n\r\n", b" " * 65536),
    "until it closes": repeats(OK + b"Connection: close\r\n\r\n", b" " * 65536),
    "in chunks": repeats(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
}
