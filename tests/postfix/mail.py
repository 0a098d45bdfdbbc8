"""The mail program of tests/postfix.rs: sends the mails of a list, and checks DKIM signatures.

    mail.py send SERVER LIST KEY      LIST: one JSON object a line: file, from, to, sign, mail_options, rcpt_options
    mail.py verify KEY.PUB FILE...    prints the files whose signature does not hold

`send` writes what it sent, signature and all, beside each file as FILE.sent. Runs on Debian's python3 with python3-dkim.
"""
import json
import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor

import dkim

SIGNED = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"]


def send(server, listed, key):
    jobs = [json.loads(line) for line in open(listed, encoding="utf-8")]
    key = open(key, "rb").read()

    def session(share):
        with smtplib.SMTP(server, 2525, local_hostname="werkplek.delinde.example") as smtp:
            for job in share:
                raw = open(job["file"], "rb").read()
                if job["sign"]:
                    raw = dkim.sign(raw, b"test", b"delinde.example", key, include_headers=SIGNED,
                                    canonicalize=(b"simple", b"simple")) + raw
                with open(job["file"] + ".sent", "wb") as sent:
                    sent.write(raw)
                refused = smtp.sendmail(job["from"], job["to"], raw, job["mail_options"], job["rcpt_options"])
                if refused:
                    raise SystemExit(f"{job['file']}: {refused}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(session, [jobs[share::4] for share in range(4)]))


def verify(public, *files):
    record = b"v=DKIM1; k=rsa; p=" + "".join(open(public).read().split("\n")[1:-2]).encode()
    for file in files:
        raw = open(file, "rb").read()
        if not dkim.verify(raw, dnsfunc=lambda name, timeout=5: record):
            print(file)


{"send": send, "verify": verify}[sys.argv[1]](*sys.argv[2:])
