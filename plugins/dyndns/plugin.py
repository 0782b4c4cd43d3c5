#!/usr/bin/env python3
"""Keeps names at the machine's address. HTTP on a unix socket; see README.md."""
import json
import os
import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

import config
from keeper import Keeper

MOST = 1 << 20  # Bytes of a body.


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self):
        keeper, path = self.server.keeper, self.path.split("?")[0]
        if path in ("/", "/status"):
            self.answer(200, {"Records": keeper.status()})
        elif path == "/config":
            self.answer(200, config.shown(keeper.settings))
        elif path == "/openapi.json":
            self.answer(200, json.loads((pathlib.Path(__file__).parent / "openapi.json").read_text()))
        else:
            self.answer(404, {"error": "there is /status, /config and /refresh"})

    def do_PUT(self):
        keeper, path = self.server.keeper, self.path.split("?")[0]
        body = self.body()
        if body is None:
            return
        if path == "/config":
            try:
                keeper.configure(json.loads(body))
            except (ValueError, config.ConfigError) as error:
                self.answer(400, {"error": str(error)})
                return
            self.answer(200, config.shown(keeper.settings))
        elif path == "/refresh":
            self.answer(200, {"Records": keeper.refresh(forced=True)})
        else:
            self.answer(404, {"error": "there is /config and /refresh"})

    def body(self):
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if self.headers.get("Transfer-Encoding") or not 0 <= length <= MOST:
            self.close_connection = True
            self.answer(411, {"error": f"a body needs its length, at most {MOST} bytes"})
            return None
        return self.rfile.read(length)

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "gateway"  # For the log: the other end of a unix socket has no address.


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/state/plugins/dyndns/socket")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # The socket of an earlier run.
    keeper = Keeper(str(path.parent))
    threading.Thread(target=keeper.run, daemon=True).start()
    with Server(str(path), Handler) as server:
        server.keeper = keeper
        os.chmod(path, 0o666)  # The gateway is another user; who cannot reach the directory cannot connect anyway.
        server.serve_forever()


if __name__ == "__main__":
    main()
