# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Attacks on the way out of a sandbox that has a host granted. Writes to NAOS_OUTPUT what came of each: the name of the
# error, the status of an answer, or a word of its own. What should have come is in EgressAttackTests.swift.
import errno, json, os, socket, ssl, struct, time, urllib.error, urllib.request

name, plain, secure, raw = os.environ["NAME"], int(os.environ["PLAIN"]), int(os.environ["SECURE"]), int(os.environ["RAW"])
outcomes = {}


def attack(what):
    def run(body):
        try:
            outcomes[what] = str(body() or "done")
        except socket.gaierror:
            outcomes[what] = "gaierror"
        except ssl.SSLError as error:
            outcomes[what] = "SSLError"
        except urllib.error.URLError as error:
            outcomes[what] = "URLError"
        except OSError as error:
            outcomes[what] = errno.errorcode.get(error.errno, type(error).__name__)
    return run


def connect(host, port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
        s.settimeout(5)
        s.connect((host, port))
        if kind == socket.SOCK_DGRAM:
            s.send(b"x")
            s.recv(1)


def say(text, port=plain, host=name):
    """The status of what comes back, or "closed"."""
    with socket.create_connection((host, port), timeout=20) as s:
        s.sendall(text.encode())
        answer = b""
        while b"\r\n" not in answer:
            data = s.recv(4096)
            if not data:
                return "closed"
            answer += data
        return answer.split(b" ")[1].decode()


def whole(s):
    """One answer, to the end of its body: a host may send the two apart."""
    answer = b""
    while True:
        head, found, body = answer.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if found and len(body) >= sum(lengths):
            return answer
        data = s.recv(4096)
        if not data:
            return answer
        answer += data


def get(host, path="/attack", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


def tls(server_name, port=secure):
    context = ssl.create_default_context(cafile="cert.pem")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((name, port), timeout=20) as s:
        with context.wrap_socket(s, server_hostname=server_name) as secured:
            secured.sendall(get(server_name or name).encode())
            return secured.recv(100).split(b" ")[1].decode()


right = f"{name}:{plain}"


def hide(more):
    """How many answers come to a request with another one for its body, from a host that reads no bodies."""
    hidden = get("other.test", "/hidden")
    with socket.create_connection((name, plain), timeout=20) as s:
        s.sendall(get(right, "/unread", f"{more}Content-Length: {len(hidden)}\r\n").encode() + hidden.encode())
        answer = b""
        try:
            while data := s.recv(4096):
                answer += data
        except ConnectionResetError:
            pass
        return "%d answers" % answer.count(b"HTTP/1.1 2")

# ---- 31, 32: addresses

for host in ["1.1.1.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254",
             "2606:4700:4700::1111", "16843009", "0x01010101", "01.01.01.01", "127.1.0.2", "127.0.0.1", "0.0.0.0", "::1"]:
    attack(f"31 {host}")(lambda: connect(host, plain))
attack("31 the door by its address, as it should be")(lambda: say(get(right), host="127.1.0.1"))
attack("31 the door, an address for a host")(lambda: say(get("127.1.0.1"), host="127.1.0.1"))
attack("32 metadata by name")(lambda: socket.getaddrinfo("metadata.google.internal", 80))
attack("32 metadata as a host")(lambda: say(get("169.254.169.254", "/latest/meta-data/")))

# ---- 33: names


def ask(question, kind=1, patience=5):
    labels = b"".join(bytes([len(label)]) + label for label in question)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(patience)
        s.sendto(struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1), ("127.0.0.1", 53))
        answer = s.recv(4096)
        return "code %d, %d answers, %d bytes" % (answer[3] & 15, struct.unpack("!H", answer[6:8])[0], len(answer))


attack("33 granted")(lambda: ask([b"example", b"test"]).split(",")[1])
attack("33 text of a granted name")(lambda: ask([b"example", b"test"], 16).split(" bytes")[0].rsplit(",", 1)[0])
attack("33 long labels")(lambda: ask([b"a" * 63, b"b" * 63, b"c" * 60, b"example", b"test"]).split(",")[0])
attack("33 text of long labels")(lambda: ask([b"a" * 63, b"b" * 63, b"evil", b"test"], 16).split(",")[0])
attack("33 another name server")(lambda: connect("8.8.8.8", 53, socket.SOCK_DGRAM))
attack("33 by TCP")(lambda: connect("127.0.0.1", 53))


# ---- 35: redirects

attack("35 redirect to another name")(
    lambda: urllib.request.urlopen(f"http://{name}:{plain}/to/http://elsewhere.test/", timeout=20).status)
attack("35 redirect to metadata")(
    lambda: urllib.request.urlopen(f"http://{name}:{plain}/to/http://169.254.169.254/latest/", timeout=20).status)
attack("35 redirect to another port")(
    lambda: urllib.request.urlopen(f"http://{name}:{plain}/to/http://{name}:22/", timeout=20).status)

# ---- 36: names that differ

attack("36 host")(lambda: say(get("other.test")))
attack("36 no host")(lambda: say("GET /attack HTTP/1.1\r\n\r\n"))
attack("36 two hosts")(lambda: say(get(right, more="Host: other.test\r\n")))
attack("36 a whole URL")(lambda: say(get(right, "http://other.test/attack")))
attack("36 tunnel")(lambda: say(f"CONNECT other.test:443 HTTP/1.1\r\nHost: {right}\r\n\r\n"))
attack("36 host, folded")(lambda: say(f"GET /attack HTTP/1.1\r\nHost: {right}\r\n other.test\r\n\r\n"))
attack("36 two lengths")(lambda: say(f"POST /attack HTTP/1.1\r\nHost: {right}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("other.test")))
attack("36 other letters in the coding")(lambda: say(get(right, more="Transfer-Encoding: chun\u212aed\r\n") + "0\r\n\r\n"))
attack("36 a request behind the body")(lambda: say(get(right, more="Transfer-Encoding: chunked\r\n") + "0\r\nGET / HTTP/1.1\r\nHost: other.test\r\n\r\n"))
attack("36 a request in a body")(lambda: hide(""))
attack("36 a request in a body that is waited for")(lambda: hide("Expect: 100-continue\r\n"))
attack("36 another protocol")(lambda: say(get(right, more="Connection: upgrade\r\nUpgrade: websocket\r\n")))
attack("36 sni")(lambda: tls("other.test"))
attack("36 no sni")(lambda: tls(None))
attack("36 sni, as it should be")(lambda: tls(name))
attack("36 no TLS where TLS is granted")(lambda: say(get(name), secure))


@attack("36 second request")
def _():
    with socket.create_connection((name, plain), timeout=20) as s:
        s.sendall(get(right, "/first").encode())
        first = whole(s)
        s.sendall(get("other.test").encode())
        rest = b""
        try:
            while data := s.recv(4096):
                rest += data
        except ConnectionResetError:
            pass
        return "first %s, second %s" % (first.split(b" ")[1].decode(), rest.split(b" ")[1].decode() if rest else "closed")


# ---- 37: other ways

attack("37 udp to the granted host")(lambda: connect(name, secure, socket.SOCK_DGRAM))
attack("37 udp")(lambda: connect("1.1.1.1", 443, socket.SOCK_DGRAM))
attack("37 raw")(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attack("37 packet")(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attack("37 vsock")(lambda: socket.socket(40, socket.SOCK_STREAM))
attack("37 netlink")(lambda: socket.socket(16, socket.SOCK_RAW))

# ---- 39: floods; behind what has to be heard of by its name


@attack("33 a flood of names")
def _():
    # One after the other: where many are sent at once, the kernel drops them before anybody counts them.
    for number in range(20000):
        try:
            ask([b"x%d" % number, b"evil", b"test"], patience=1)
        except TimeoutError:
            return "unanswered"
    return "answered"


@attack("39 many connections")
def _():
    held = []
    try:
        for _ in range(400):
            s = socket.create_connection((name, plain), timeout=20)
            s.sendall(b"GET /attack HTTP/1.1\r\n")
            held.append(s)
        # Those over the limit are closed.
        held[-1].recv(1)
    except (ConnectionResetError, BrokenPipeError):
        pass
    finally:
        for s in held:
            s.close()
    return "closed"


attack("39 a head without end")(lambda: say(f"GET /attack HTTP/1.1\r\nHost: {right}\r\n" + "X: y\r\n" * 40000))


@attack("39 after the floods")
def _():
    # The connections of before have to be let go of first.
    for _ in range(100):
        try:
            if (answer := say(get(right, "/after"))) != "closed":
                return answer
        except OSError:
            pass
        time.sleep(0.1)


# ---- 40: doors that are taken, and listeners


def listen(host, port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((host, port))
        s.listen()


attack("40 taking the door")(lambda: listen("127.1.0.1", plain))
attack("40 taking all doors")(lambda: listen("0.0.0.0", plain))
attack("40 being the name server")(lambda: listen("127.0.0.1", 53))

with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump(outcomes, file)
