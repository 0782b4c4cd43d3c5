#!/usr/bin/env python3
"""The plugin as a process, with a real name server (Knot) and a provider that speaks dyndns2."""
import base64
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import dns.message
import dns.query

HERE = pathlib.Path(__file__).parent
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
PATIENCE = 20
KNOT = """
server:
    rundir: "{directory}"
    listen: 127.0.0.1@{port}
    user: root
database:
    storage: "{directory}"
key:
  - id: home-key
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    address: 127.0.0.1
    key: home-key
    action: update
zone:
  - domain: example.test
    storage: "{directory}"
    file: example.test.zone
    acl: update
"""
ZONE = """
@ 60 SOA ns.example.test. admin.example.test. 1 60 60 600 60
@ 60 NS ns.example.test.
ns 60 A 127.0.0.1
home 60 A 192.0.2.250
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about")
        time.sleep(0.02)


class NameServer:
    def __init__(self, directory):
        self.port = free_port()
        pathlib.Path(directory, "example.test.zone").write_text(ZONE)
        settings = pathlib.Path(directory, "knot.conf")
        settings.write_text(KNOT.format(directory=directory, port=self.port, secret=SECRET))
        log = open(pathlib.Path(directory, "knot.log"), "wb")
        program = shutil.which("knotd") or "/usr/sbin/knotd"
        self.process = subprocess.Popen([program, "-c", str(settings)], stdout=log, stderr=log)
        until(lambda: self.address("ns") == ["127.0.0.1"], "the name server")

    def address(self, name, kind="A"):
        try:
            answer = dns.query.udp(dns.message.make_query(f"{name}.example.test", kind), "127.0.0.1", port=self.port, timeout=1)
        except Exception:
            return None
        return sorted(item.to_text() for line in answer.answer for item in line)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ProviderHandler)
        self.asked, self.word = [], "good {ip}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ProviderHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization"), self.headers.get("User-Agent")))
        good = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:pass:word").decode()
        text = self.server.word.format(ip="x") if good else "badauth"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("0", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Plugin:
    def __init__(self, directory):
        self.directory, self.socket = directory, os.path.join(directory, "socket")
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, str(HERE / "plugin.py"), self.socket], stderr=subprocess.DEVNULL)
        until(self.answers, "the plugin")

    def answers(self):
        try:
            return self.ask("GET", "/status")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = Connection(self.socket)
        connection.request(method, path, body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Tests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory, True)
        self.plugin = Plugin(directory)
        self.addCleanup(lambda: self.plugin.stop())

    def rfc2136(self, server, **other):
        return {"Protocol": "rfc2136", "Server": "127.0.0.1", "Port": server.port, "Zone": "example.test", "Name": "home",
                "KeyName": "home-key", "KeySecret": SECRET, **other}

    def configure(self, *records, fixed="198.51.100.7", **other):
        source = {"Kind": "fixed", "IPv4": fixed, "IPv6": "2001:db8::7"}
        return self.plugin.ask("PUT", "/config", {"IntervalSeconds": 1, "Source": source, "Records": list(records), **other})

    def test_a_name_server_follows_the_address(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory, True)
        server = NameServer(directory)
        self.addCleanup(server.stop)
        status, shown = self.configure(self.rfc2136(server), self.rfc2136(server, Name="six", Family=6))
        self.assertEqual((status, shown["Records"][0]["KeySecret"]), (200, "********"))
        until(lambda: server.address("home") == ["198.51.100.7"], "the address in the zone")
        until(lambda: server.address("six", "AAAA") == ["2001:db8::7"], "the new name in the zone")
        # Settings that come back as they were shown keep the secret.
        shown["Source"]["IPv4"] = "198.51.100.8"
        self.assertEqual(self.plugin.ask("PUT", "/config", shown)[0], 200)
        until(lambda: server.address("home") == ["198.51.100.8"], "the next address in the zone")
        # A wrong key changes nothing, and is told.
        wrong = self.rfc2136(server, KeySecret=base64.b64encode(b"another").decode())
        self.assertEqual(self.configure(wrong, fixed="198.51.100.9")[0], 200)
        error = until(lambda: self.plugin.ask("PUT", "/refresh")[1]["Records"][0]["Error"], "the refusal")
        self.assertIn("key", error)
        self.assertEqual(server.address("home"), ["198.51.100.8"])

    def test_a_provider_is_told_once_and_never_after_a_refusal(self):
        provider = Provider()
        self.addCleanup(provider.shutdown)
        record = {"Protocol": "dyndns2", "URL": f"http://127.0.0.1:{provider.server_port}/nic/update", "Hostname": "home.test",
                  "Username": "me", "Password": "pass:word"}
        self.assertEqual(self.configure(record)[0], 200)
        until(lambda: provider.asked, "the provider's first request")
        path, _, agent = provider.asked[0]
        self.assertEqual(path, "/nic/update?hostname=home.test&myip=198.51.100.7")
        self.assertTrue(agent)
        status = until(lambda: [one for one in self.plugin.ask("GET", "/status")[1]["Records"] if one["Result"]], "the result")
        self.assertEqual((status[0]["Result"], status[0]["Address"]), ("good", "198.51.100.7"))
        for _ in range(3):
            self.plugin.ask("PUT", "/refresh")
        self.plugin.stop()
        self.plugin.start()
        self.plugin.ask("PUT", "/refresh")
        self.assertEqual(len(provider.asked), 1, "an address that is known is not told again")
        # A wrong password blocks the record until its settings change.
        provider.asked.clear()
        self.configure({**record, "Password": "wrong"})
        until(lambda: self.plugin.ask("GET", "/status")[1]["Records"][0]["Blocked"], "the block")
        for _ in range(3):
            self.plugin.ask("PUT", "/refresh")
        self.assertEqual(len(provider.asked), 1)
        # Trouble of the provider's own asks for half an hour.
        provider.asked.clear()
        provider.word = "911"
        self.configure(record, fixed="198.51.100.9")
        one = until(lambda: [one for one in self.plugin.ask("GET", "/status")[1]["Records"] if one["Error"]], "the trouble")[0]
        self.assertGreater(one["NotBefore"], time.time() + 1700)
        self.assertFalse(one["Blocked"])

    def test_settings_that_make_no_sense_are_refused_and_change_nothing(self):
        before = self.plugin.ask("GET", "/config")[1]
        provider = {"Protocol": "dyndns2", "URL": "https://x.test/", "Hostname": "h", "Username": "u", "Password": "p"}
        for settings in [[], {"Other": 1}, {"IntervalSeconds": 0}, {"Source": {"Kind": "guess"}}, {"Records": 5},
                         {"Records": [{}]}, {"Records": [{"Protocol": "rfc2136"}]}, {"Source": {"Kind": "url", "URL": "file:///etc/passwd"}},
                         {"Records": [{**provider, "URL": "http://x.test/"}]}, {"Records": [{**provider, "Extra": 1}]},
                         {"Records": [{**provider, "Password": "********"}]}]:
            status, answer = self.plugin.ask("PUT", "/config", settings)
            self.assertEqual(status, 400, settings)
            self.assertTrue(answer["error"])
        self.assertEqual(self.plugin.ask("GET", "/config")[1], before)
        self.assertEqual(self.plugin.ask("GET", "/nothing")[0], 404)


if __name__ == "__main__":
    unittest.main()
