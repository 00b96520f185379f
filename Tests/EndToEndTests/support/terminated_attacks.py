# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Attacks on a gate that ends the TLS of an agent and adds a secret to its requests. Writes to NAOS_OUTPUT what came of
# each: the name of the error, the status of an answer, or a word of its own. What should have come is in
# TerminationAttackTests.swift.
import errno, glob, json, os, shutil, socket, ssl, subprocess, threading, urllib.request

name, secure = os.environ["NAME"], int(os.environ["SECURE"])
right = f"{name}:{secure}"
bundle = "/etc/naos/ca-bundle.pem"
outcomes = {}


def attack(what):
    def run(body):
        try:
            outcomes[what] = str(body() or "done")
        except ssl.SSLCertVerificationError:
            outcomes[what] = "untrusted"
        except ssl.SSLError:
            outcomes[what] = "SSLError"
        except OSError as error:
            outcomes[what] = errno.errorcode.get(error.errno, type(error).__name__)
    return run


def tls(server_name=name, context=None, protocols=None):
    context = context or ssl.create_default_context()
    if server_name != name:
        context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(socket.create_connection((name, secure), timeout=30), server_hostname=server_name)


def answer(s):
    """The status of what comes back, or "closed"."""
    text = b""
    while b"\r\n" not in text:
        try:
            data = s.recv(4096)
        except ssl.SSLEOFError:
            data = b""
        if not data:
            return "closed"
        text += data
    return text.split(b" ")[1].decode()


def say(text, **options):
    with tls(**options) as s:
        s.sendall(text if isinstance(text, bytes) else text.encode())
        return answer(s)


def get(path="/v1/a", host=right, more="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


attack("as it should be")(lambda: say(get()))

# ---- Whom it speaks for


@attack("certificate")
def _():
    with tls() as s:
        found = s.getpeercert()
        names = [value for _, value in found["subjectAltName"]]
        return "only the host" if names == [name] else str(names)


@attack("keys in view")
def _():
    files = [f for f in glob.glob("/etc/naos/*") + glob.glob("/etc/ssl/certs/*.crt") if b"PRIVATE" in open(f, "rb").read()]
    return str(files) if files else "none"


attack("changing the bundle")(lambda: open(bundle, "a"))
attack("changing the machine's bundle")(lambda: open("/etc/ssl/certs/ca-certificates.crt", "a"))
attack("another sni")(lambda: tls("other.test"))
attack("no sni")(lambda: tls(None))


@attack("an encrypted name")
def _():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    body = outgoing.read()[9:]
    place = 34
    place += 1 + body[place]
    place += 2 + int.from_bytes(body[place:place + 2], "big")
    place += 1 + body[place]
    extensions = body[place + 2:] + b"\xfe\x0d\x00\x01\x00"
    body = body[:place] + len(extensions).to_bytes(2, "big") + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    with socket.create_connection((name, secure), timeout=20) as s:
        s.sendall(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
        return "alert" if s.recv(7)[:1] == b"\x15" else "answered"


@attack("a client that trusts others only")
def _():
    tls(context=ssl.create_default_context(cafile="cert.pem"))


@attack("old TLS")
def _():
    context = ssl.create_default_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    tls(context=context)


def plain():
    with socket.create_connection((name, secure), timeout=20) as s:
        s.sendall(get().encode())
        return "closed" if not s.recv(100) else "answered"


attack("no TLS")(plain)
attack("HTTP/2 by itself")(lambda: say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", protocols=["h2"]))


def openssl(*arguments, text=""):
    done = subprocess.run(["openssl", "s_client", "-connect", right, "-servername", name, "-CAfile", bundle, *arguments],
                          input=text.encode(), capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode("latin-1")


if shutil.which("openssl"):
    @attack("renegotiation")
    def _():
        said = openssl("-tls1_2", text="R\n" + get())
        return "refused" if "HTTP/1.1 200" not in said else "done"

    @attack("early data")
    def _():
        # Where there is no ticket for it, none is kept.
        openssl("-tls1_3", "-sess_out", "/tmp/session", "-ign_eof", text=get(more="Connection: close\r\n"))
        with open("/tmp/early", "w") as file:
            file.write(get("/v1/early"))
        kept = ["-sess_in", "/tmp/session"] if os.path.exists("/tmp/session") else []
        said = openssl("-tls1_3", *kept, "-early_data", "/tmp/early")
        return "taken" if "Early data was accepted" in said else "not taken"

# ---- What is in it

attack("host")(lambda: say(get(host="other.test")))
attack("no host")(lambda: say("GET /v1/a HTTP/1.1\r\n\r\n"))
attack("a whole URL")(lambda: say(get("https://other.test/v1/a")))
attack("tunnel")(lambda: say(get("other.test:443", method="CONNECT")))
attack("two lengths")(lambda: say(get(more="Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", method="POST") + "0\r\n\r\n" + get("/v2/a")))
attack("a bare line feed")(lambda: say(f"GET /v1/a HTTP/1.1\nHost: {right}\r\n\r\n"))
attack("a folded line")(lambda: say(get(more="A: b\r\n Host: other.test\r\n")))
attack("a line break in the path")(lambda: say(get("/v1/a\rX-Evil: 1")))
attack("an encoded line break in the path")(lambda: say(get("/v1/a%0d%0aX-Evil:%201")))
attack("other letters in the coding")(lambda: say(get(more="Transfer-Encoding: chun\u212aed\r\n", method="POST") + "0\r\n\r\n"))
attack("other letters in the host")(lambda: say(get(host=right.replace("a", "\u0430", 1))))
attack("a byte beyond ASCII in the path")(lambda: say(get("/v1/@").encode().replace(b"@", b"\xff")))
attack("an underscore in the length")(lambda: say(get(more="Content_Length: 4\r\n", method="POST") + "abcd"))
for place, mark in {";": ";\u0301/", "?": "?\u0301", "slash": "/\u0301", "backslash": "\\\u0301"}.items():
    attack(f"up the path, a mark behind the {place}")(lambda: say(get(f"/v1/..{mark}v2/a")))
attack("a request behind the body")(lambda: say(get(more="Transfer-Encoding: chunked\r\n", method="POST") + "0\r\nDELETE /admin HTTP/1.1\r\nHost: other\r\nContent-Length: 400\r\n\r\n" + get()))
attack("a field that takes the length out")(lambda: say(get(more="Connection: Content-Length\r\nContent-Length: 4\r\n", method="POST") + "abcd"))
attack("another method in a field")(lambda: say(get(more="X-HTTP-Method-Override: DELETE\r\n", method="POST")))
attack("another method in a field, with underscores")(lambda: say(get(more="X_HTTP_Method_Override: DELETE\r\n", method="POST")))
attack("another path in a field")(lambda: say(get(more="X-Original-URL: /v2/a\r\n")))
attack("up the path")(lambda: say(get("/v1/../v2/a")))
attack("up the path, encoded")(lambda: say(get("/v1/%2e%2e/v2/a")))
attack("another method")(lambda: say(get(method="DELETE")))
attack("websocket")(lambda: say(get(more="Connection: Upgrade\r\nUpgrade: websocket\r\n")))
attack("a head without end")(lambda: say(get(more="X: y\r\n" * 40000)))
attack("one long line")(lambda: say(get(more="X: " + "y" * 200000 + "\r\n")))


@attack("pipelined")
def _():
    with tls() as s:
        s.sendall((get("/v1/first") + get(host="other.test")).encode())
        text = b""
        try:
            while data := s.recv(4096):
                text += data
        except OSError:
            pass
        return "%d answers" % text.count(b"HTTP/1.1 ")


# ---- The secret

attack("trace")(lambda: say(get(method="TRACE")))
attack("a field of its own")(lambda: say(get("/v1/own", more="Authorization: mine\r\nAUTHORIZATION:mine\r\n")))
attack("a field of its own, spaced")(lambda: say(get("/v1/own", more="Authorization : mine\r\n")))
attack("a field that ends here")(lambda: say(get("/v1/own", more="Connection: authorization\r\n")))
attack("a trailer of its own")(lambda: say(get("/v1/own", more="Transfer-Encoding: chunked\r\n", method="POST") + "0\r\nAuthorization: mine\r\n\r\n"))
attack("a redirect")(lambda: urllib.request.urlopen(f"https://{right}/v1/../to/https://elsewhere.test/", timeout=20))

# ---- Patience


def slow(what, body):
    thread = threading.Thread(target=lambda: attack(what)(body))
    thread.start()
    return thread


def slow_hello():
    with socket.create_connection((name, secure), timeout=60) as s:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
        return "closed" if not s.recv(1) else "answered"


def slow_handshake():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with socket.create_connection((name, secure), timeout=60) as s:
        s.sendall(outgoing.read())
        while s.recv(65536):
            pass
        return "closed"


def slow_head():
    with tls() as s:
        s.settimeout(60)
        s.sendall(f"GET /v1/a HTTP/1.1\r\nHost: {right}\r\nX: ".encode())
        return answer(s)


def many():
    held = []
    try:
        for _ in range(400):
            s = socket.create_connection((name, secure), timeout=20)
            s.sendall(b"\x16\x03\x01\x02\x00\x01")
            held.append(s)
        held[-1].recv(1)
    except (ConnectionResetError, BrokenPipeError):
        pass
    finally:
        for s in held:
            s.close()
    return "closed"


waiting = [slow("a slow greeting", slow_hello), slow("a slow handshake", slow_handshake), slow("a slow head", slow_head)]
for one in waiting:
    one.join()
attack("many connections")(many)


@attack("after all")
def _():
    # The connections of before have to be let go of first.
    for _ in range(200):
        try:
            return say(get("/v1/after"))
        except OSError:
            threading.Event().wait(0.1)


with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump(outcomes, file)
