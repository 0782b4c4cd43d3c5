"""Which addresses the machine has, as the world sees them."""
import http.client
import ipaddress
import socket
import urllib.request

LIMIT = 10  # Seconds for a server that tells an address.
MOST = 256  # Bytes of its answer; an address has 39 at most.


class AddressError(Exception):
    """Why the address is not known."""


def find(source, family):
    """The address of a family (4 or 6), from where the settings say."""
    kind = source["Kind"]
    if kind == "fixed":
        text = source["IPv4" if family == 4 else "IPv6"]
    elif kind == "route":
        text = routed(family)
    else:
        text = told(source["URL"])
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressError(f"{text[:60]!r} is no address") from None
    if address.version != family:
        raise AddressError(f"{address} is no IPv{family} address")
    if address.is_unspecified or address.is_multicast:
        raise AddressError(f"{address} is nobody's address")
    return str(address)


def routed(family):
    """The address that this machine would send from. Nothing is sent to find out."""
    kind, target = (socket.AF_INET, "192.0.2.1") if family == 4 else (socket.AF_INET6, "2001:db8::1")
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 53))
            return probe.getsockname()[0]
    except OSError as error:
        raise AddressError(f"there is no way out by IPv{family}: {error}") from None


def told(url):
    """What a server answers as a line of text."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "homeport-dyndns/1"})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return answer.read(MOST).decode("ascii", "replace").strip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AddressError(f"{url} does not tell the address: {error}") from None
