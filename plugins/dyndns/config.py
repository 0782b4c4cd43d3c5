"""The settings: read, checked, and shown without their secrets."""
import json
import os
import tempfile
import urllib.parse

MASK = "********"
SECRETS = ("Password", "KeySecret")
ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1")
RECORDS = 50  # Nobody has more names at one machine.

DEFAULT = {"IntervalSeconds": 300, "Source": {"Kind": "route"}, "Records": []}

KEYS = {
    "rfc2136": {"Protocol", "Server", "Port", "Zone", "Name", "TTL", "Family", "KeyName", "KeyAlgorithm", "KeySecret"},
    "dyndns2": {"Protocol", "URL", "Hostname", "Family", "Username", "Password"},
}
NEEDED = {"rfc2136": ("Server", "Zone", "Name", "KeyName", "KeySecret"), "dyndns2": ("URL", "Hostname", "Username", "Password")}


class ConfigError(Exception):
    """What is wrong with the settings."""


def check(settings):
    """The settings with defaults filled in."""
    if not isinstance(settings, dict):
        raise ConfigError("the settings are no JSON object")
    unknown = set(settings) - set(DEFAULT)
    if unknown:
        raise ConfigError(f"{', '.join(sorted(unknown))} is not known")
    full = {**DEFAULT, **settings}
    interval = full["IntervalSeconds"]
    if not isinstance(interval, int) or isinstance(interval, bool) or not 1 <= interval <= 86400:
        raise ConfigError("IntervalSeconds is a number from 1 to 86400")
    source = full["Source"]
    if not isinstance(source, dict) or source.get("Kind") not in ("route", "url", "fixed"):
        raise ConfigError("Source.Kind is route, url or fixed")
    if source["Kind"] == "url":
        web(source.get("URL"), "Source.URL")
    if source["Kind"] == "fixed" and not (source.get("IPv4") or source.get("IPv6")):
        raise ConfigError("Source.IPv4 or Source.IPv6 is needed where Kind is fixed")
    if not isinstance(full["Records"], list) or len(full["Records"]) > RECORDS:
        raise ConfigError(f"Records is a list of at most {RECORDS}")
    full["Records"] = [record(one) for one in full["Records"]]
    return full


def record(one):
    protocol = one.get("Protocol") if isinstance(one, dict) else None
    if protocol not in KEYS:
        raise ConfigError("Protocol of a record is rfc2136 or dyndns2")
    unknown = set(one) - KEYS[protocol]
    if unknown:
        raise ConfigError(f"{', '.join(sorted(unknown))} is not known with {protocol}")
    for key in NEEDED[protocol]:
        if not isinstance(one.get(key), str) or not one[key]:
            raise ConfigError(f"{key} is needed with {protocol}")
    full = {"Family": 4, **one}
    if full["Family"] not in (4, 6):
        raise ConfigError("Family is 4 or 6")
    if protocol == "dyndns2":
        web(full["URL"], "URL")
        return full
    full = {"Port": 53, "TTL": 60, "KeyAlgorithm": "hmac-sha256", **full}
    if full["KeyAlgorithm"] not in ALGORITHMS:
        raise ConfigError(f"KeyAlgorithm is one of {', '.join(ALGORITHMS)}")
    for key, most in (("Port", 65535), ("TTL", 86400)):
        if not isinstance(full[key], int) or not 1 <= full[key] <= most:
            raise ConfigError(f"{key} is a number from 1 to {most}")
    return full


def web(url, key):
    """Passwords travel to it, so in clear only within this machine."""
    parts = urllib.parse.urlsplit(url if isinstance(url, str) else "")
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ConfigError(f"{key} is an https:// address")


def shown(settings):
    """For whoever asks: what is set, but not the secrets."""
    masked = [{key: MASK if key in SECRETS else value for key, value in one.items()} for one in settings["Records"]]
    return {**settings, "Records": masked}


def merged(settings, old):
    """A masked secret that comes back is the one that was there, for the same record."""
    def identity(one):
        return [one.get(key) for key in ("Protocol", "Server", "Name", "Zone", "KeyName", "URL", "Hostname", "Username", "Family")]

    known = {json.dumps(identity({"Family": 4, **one})): one for one in old["Records"]}
    records = settings.get("Records") if isinstance(settings, dict) else None
    for one in records if isinstance(records, list) else []:
        if isinstance(one, dict):
            before = known.get(json.dumps(identity({"Family": 4, **one})), {})
            for key in SECRETS:
                if one.get(key) == MASK:
                    one[key] = before.get(key, "")
    return settings


def load(path, default):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def store(path, value):
    """As a whole or not at all, readable by nobody else: it holds secrets."""
    directory = os.path.dirname(path)
    handle, temporary = tempfile.mkstemp(dir=directory)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
