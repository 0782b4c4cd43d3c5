#!/usr/bin/env python3
"""Says hello over HTTP on a unix socket: the smallest useful plugin, made to be copied."""
import json, os, pathlib, sys
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

PAGE = (pathlib.Path(__file__).parent / "index.html").read_bytes()


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in ("/", "/index.html"):
            return self.answer("text/html; charset=utf-8", PAGE)
        prefix = self.headers.get("X-Forwarded-Prefix", "")
        self.answer("application/json", json.dumps({"hello": "from a plugin", "path": self.path, "prefix": prefix}).encode())

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "gateway"  # For the log: the other end of a unix socket has no address.


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/state/plugins/hello/socket")
path.parent.mkdir(parents=True, exist_ok=True)
path.unlink(missing_ok=True)  # The socket of an earlier run.
with Server(str(path), Hello) as server:
    os.chmod(path, 0o666)  # The gateway is another user; who cannot reach the directory cannot connect anyway.
    server.serve_forever()
