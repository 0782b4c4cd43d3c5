"""Keeps every record at the machine's address, and remembers what was told, so that nothing is told twice."""
import hashlib
import json
import os
import threading
import time
import traceback

import address
import config
import protocols

FIRST_PAUSE, LONGEST_PAUSE = 30, 3600  # Seconds after a failure; doubled each time.
AGAIN = 20 * 86400  # Seconds after which an unchanged address is told all the same: providers forget names that never stir.


class Keeper:
    def __init__(self, directory):
        self.settings_path = os.path.join(directory, "config.json")
        self.state_path = os.path.join(directory, "state.json")
        self.settings = config.check(config.load(self.settings_path, {}))
        self.state = config.load(self.state_path, {})
        self.lock = threading.Lock()
        self.changed = threading.Event()

    def run(self):
        """For as long as the plugin runs."""
        while True:
            self.changed.clear()
            try:
                self.refresh()
            except Exception:  # One failure that nobody thought of must not be the end of all.
                traceback.print_exc()
            self.changed.wait(self.settings["IntervalSeconds"])

    def configure(self, settings):
        """Other settings, in force at once."""
        with self.lock:
            checked = config.check(config.merged(settings, self.settings))
            config.store(self.settings_path, checked)
            self.settings = checked
            known = {key(record) for record in checked["Records"]}
            self.state = {one: state for one, state in self.state.items() if one in known}
        self.changed.set()

    def refresh(self, now=None, forced=False):
        """Looks at the address, and tells it where it is not known. Gives what is known of each record."""
        now = time.time() if now is None else now
        with self.lock:
            found = {}
            for record in self.settings["Records"]:
                state = self.state.setdefault(key(record), {})
                self.one(record, state, found, now, forced)
            config.store(self.state_path, self.state)
            return self.status()

    def one(self, record, state, found, now, forced):
        family = record["Family"]
        try:
            if family not in found:
                found[family] = address.find(self.settings["Source"], family)
        except address.AddressError as error:
            state["Error"] = str(error)
            return
        current = found[family]
        known = state.get("Address") == current and now - state.get("ToldAt", 0) < AGAIN
        blocked = state.get("Blocked") or (now < state.get("NotBefore", 0) and not forced)
        if known or blocked:
            if known:
                state.pop("Error", None)
            return
        try:
            state.update(Result=protocols.tell(record, current), Address=current, ToldAt=now)
            for done in ("Error", "NotBefore", "Failures"):
                state.pop(done, None)
        except protocols.Refused as refused:
            failures = state.get("Failures", 0) + 1
            pause = max(refused.pause, min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))
            state.update(Error=str(refused), Failures=failures, NotBefore=now + pause, Blocked=refused.fatal)

    def status(self):
        """Each record as it is; `Blocked`: not told again until its settings change."""
        shown = ("Address", "Result", "ToldAt", "Error", "Blocked", "NotBefore")
        return [
            {"Name": record.get("Hostname") or f"{record['Name']}.{record['Zone']}", "Protocol": record["Protocol"],
             **{name: self.state.get(key(record), {}).get(name) for name in shown}}
            for record in self.settings["Records"]
        ]


def key(record):
    """What a record's state goes by: another password is another try. A hash, so that the state holds no secret."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:32]
