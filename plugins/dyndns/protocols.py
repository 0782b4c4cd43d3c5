"""Telling a name's address: RFC 2136 to a name server, dyndns2 to a provider."""
import base64
import binascii
import http.client
import socket
import urllib.error
import urllib.parse
import urllib.request

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update

LIMIT = 10  # Seconds for a name server or a provider.
MOST = 4096  # Bytes of a provider's answer.

# What a provider of dyndns2 says after which asking again with the same settings counts as abuse.
FATAL = ("badauth", "!donator", "notfqdn", "nohost", "numhost", "abuse", "badagent")
# What it says when it has a problem of its own; half an hour is what the protocol asks for.
TROUBLE = ("dnserr", "911")
TROUBLE_PAUSE = 1800


class Refused(Exception):
    """It was not done. `fatal`: not with these settings. `pause`: seconds to wait at least."""

    def __init__(self, text, fatal=False, pause=0):
        super().__init__(text)
        self.fatal, self.pause = fatal, pause


def tell(record, address):
    """Makes the name point at the address, and says in a word what came of it."""
    return {"rfc2136": rfc2136, "dyndns2": dyndns2}[record["Protocol"]](record, address)


def rfc2136(record, address):
    kind = "A" if record["Family"] == 4 else "AAAA"
    try:
        keys = dns.tsigkeyring.from_text({record["KeyName"]: record["KeySecret"]})
        update = dns.update.UpdateMessage(
            record["Zone"], keyring=keys, keyname=dns.name.from_text(record["KeyName"]), keyalgorithm=record["KeyAlgorithm"]
        )
        update.replace(dns.name.from_text(record["Name"], dns.name.from_text(record["Zone"])), record["TTL"], kind, address)
    except (dns.exception.DNSException, binascii.Error, ValueError) as error:
        raise Refused(f"the record cannot be made: {error}", fatal=True) from None
    try:
        server = socket.getaddrinfo(record["Server"], record["Port"], type=socket.SOCK_STREAM)[0][4][0]
        # TCP: an update must not be lost, nor its answer forged by whoever guesses a number.
        answer = dns.query.tcp(update, server, timeout=LIMIT, port=record["Port"])
    except (dns.tsig.PeerError, dns.tsig.BadSignature) as error:
        raise Refused(f"the name server does not take the key: {error}") from None
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise Refused(f"the name server does not answer: {error}") from None
    if answer.rcode() != dns.rcode.NOERROR:
        raise Refused(f"the name server refuses: {dns.rcode.to_text(answer.rcode())}")
    return "good"


def dyndns2(record, address):
    query = urllib.parse.urlencode({"hostname": record["Hostname"], "myip": address})
    credential = base64.b64encode(f"{record['Username']}:{record['Password']}".encode()).decode()
    headers = {"Authorization": f"Basic {credential}", "User-Agent": "homeport-dyndns/1"}
    request = urllib.request.Request(f"{record['URL']}?{query}", headers=headers)
    try:
        with OPENER.open(request, timeout=LIMIT) as answer:
            text = answer.read(MOST)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise Refused("badauth", fatal=True) from None
        # Some say their word with a status of its own.
        try:
            text = error.read(MOST)
        except (OSError, http.client.HTTPException):
            text = b""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"the provider does not answer: {error}") from None
    words = text.decode("utf-8", "replace").split()
    word = words[0].lower() if words else ""
    if word in ("good", "nochg"):
        return word
    if word in FATAL:
        raise Refused(word, fatal=True)
    raise Refused(word[:60] or "an empty answer", pause=TROUBLE_PAUSE if word in TROUBLE else 0)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A credential goes where the settings say, and nowhere else."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)
