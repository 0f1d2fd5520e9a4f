"""TLS as other libraries offer it: tls.py PORT CERT KEY, for a server that asks for certificates. Prints PASS or FAIL lines."""
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import traceback

PORT, CERTIFICATE, KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
SETTINGS = 4


def context(protocols=("h2",), certificate=(CERTIFICATE, KEY)):
    result = ssl.create_default_context(cafile=CERTIFICATE)
    if protocols:
        result.set_alpn_protocols(list(protocols))
    if certificate:
        result.load_cert_chain(*certificate)
    return result


def speak(tls, octets=PREFACE):
    """The protocol that was agreed upon, and the first octets of the server."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as plain:
        with tls.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(octets)
            return sock.selected_alpn_protocol(), sock.recv(65536)


def is_turned_away(tls, octets=PREFACE):
    """Closed, by an alert or at once, before the server said anything of HTTP/2."""
    try:
        _, answer = speak(tls, octets)
    except (ssl.SSLError, ConnectionError):
        return
    assert answer == b"" or answer[3] == 7, f"the server answered {answer!r}"


def h2_is_chosen():
    protocol, answer = speak(context(["h2", "http/1.1"]))
    assert protocol == "h2" and answer[3] == SETTINGS, (protocol, answer)


def h2_is_chosen_also_when_it_is_second():
    protocol, answer = speak(context(["http/1.1", "h2"]))
    assert protocol == "h2" and answer[3] == SETTINGS, (protocol, answer)


def a_peer_without_alpn_is_served():
    protocol, answer = speak(context([]))
    assert protocol is None and answer[3] == SETTINGS, (protocol, answer)


def http_1_is_turned_away():
    try:
        protocol, answer = speak(context(["http/1.1"]), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    except (ssl.SSLError, ConnectionError):
        return
    assert protocol is None and not answer.startswith(b"HTTP/1"), (protocol, answer)


def tls_1_1_is_turned_away():
    tls = context()
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    is_turned_away(tls)


def a_peer_without_certificate_is_turned_away():
    is_turned_away(context(certificate=None))


def a_strangers_certificate_is_turned_away():
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = (str(pathlib.Path(directory, name)) for name in ("cert.pem", "key.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
             "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        is_turned_away(context(certificate=(certificate, key)))


def cleartext_is_turned_away():
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as plain:
        plain.sendall(PREFACE)
        try:
            answer = plain.recv(65536)
        except ConnectionError:
            return
        assert answer == b"" or answer[0] == 21, f"the server answered {answer!r} without TLS"


for case in (h2_is_chosen, h2_is_chosen_also_when_it_is_second, a_peer_without_alpn_is_served, http_1_is_turned_away,
             tls_1_1_is_turned_away, a_peer_without_certificate_is_turned_away, a_strangers_certificate_is_turned_away,
             cleartext_is_turned_away):
    try:
        case()
        print("PASS", case.__name__, flush=True)
    except Exception:
        print(f"FAIL {case.__name__}:", traceback.format_exc().replace("\n", " | "), flush=True)
