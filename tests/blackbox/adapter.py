"""mailpoort under the black-box harness; the template mailpoort.toml.in and policy.toml stand beside this file."""
import json
import os
import time
from pathlib import Path

from adapters.base import Adapter

HERE = Path(__file__).resolve().parent


class Mailpoort(Adapter):
    name = "mailpoort"
    cut_through = True
    features = {"starttls", "upstream_tls", "reload", "scan"}

    def write_config(self):
        certificate, key = self.certificates.pair("server")
        values = {**self.options, "smtp_port": self.smtp_port, "upstream_port": self.upstream_port,
                  "certificate": certificate, "key": key, "journal": self.journal, "policy": HERE / "policy.toml",
                  "ca": f'ca = "{self.certificates.ca}"' if self.options["upstream_tls"] == "verify" else ""}
        (self.folder / "mailpoort.toml").write_text((HERE / "mailpoort.toml.in").read_text().format(**values))

    @property
    def journal(self):
        return self.folder / "journal.jsonl"

    def command(self):
        return [os.environ.get("MAILPOORT", "mailpoort"), "serve", "--config", str(self.folder / "mailpoort.toml")]

    def held_tokens(self):
        """Nothing is held: what is stopped is refused in session, since the harness is a program."""
        return []

    def verdict(self, token):
        """The journal's line of the message; it is written beside the session, so it may come a moment later."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for line in self.journal.read_text().splitlines(keepends=True) if self.journal.exists() else []:
                if not line.endswith("\n"):
                    continue  # It is being written at this moment.
                entry = json.loads(line)
                if token in (entry["message_id"] or ""):
                    if entry["kinds"].get("bsn") or entry["kinds"].get("education_number"):
                        return "found"
                    return "unscannable" if entry["unread"] else "clean"
            time.sleep(0.02)
        return "none"
