# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Reaches for hosts with whatever is at hand, and writes to NAOS_OUTPUT what came of each: what it got, or the name of
# the error. It knows nothing of the sandbox and sets no proxy.
import json, os, shutil, socket, ssl, subprocess, urllib.request

name, plain, secure, raw = os.environ["NAME"], os.environ["PLAIN"], os.environ["SECURE"], os.environ["RAW"]
http, https = f"http://{name}:{plain}", f"https://{name}:{secure}"
outcomes = {}


def attempt(what):
    def run(body):
        try:
            outcomes[what] = str(body())
        except Exception as error:
            outcomes[what] = type(error).__name__
    return run


def urllib_get(url, data=None):
    with urllib.request.urlopen(url, data=data, timeout=20, context=ssl.create_default_context(cafile="cert.pem")) as answer:
        return answer.read().decode()


def requests_get(url):
    import requests
    return requests.get(url, timeout=20, verify="cert.pem").text


def requests_post(url):
    import requests
    with requests.Session() as session:
        # A client that keeps connections, and a host that does not repeat that it closes this one.
        return " ".join(session.post(url, data=b"x" * 9, timeout=20, verify="cert.pem").text for _ in range(20))


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", "cert.pem", *arguments], capture_output=True)
    return done.stdout.decode() if done.returncode == 0 else "exit %d" % done.returncode


def node(url):
    program = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t), e => console.log(e.cause.code))"
    return run_node(program, url)


def node_post(url):
    program = """(async () => {
      const texts = []
      for (let i = 0; i < 20; i++) {
        texts.push(await (await fetch(process.argv[1], { method: "POST", body: "x".repeat(9) })).text())
      }
      console.log(texts.join(" "))
    })().catch(e => console.log(e.cause.code))"""
    return run_node(program, url)


def run_node(program, url):
    environment = dict(os.environ, NODE_EXTRA_CA_CERTS="cert.pem")
    return subprocess.run(["node", "-e", program, url], capture_output=True, env=environment).stdout.decode().strip()


def spoken(port):
    with socket.create_connection((name, int(port)), timeout=20) as s:
        stream = s.makefile("rwb")
        greeting = stream.readline()
        stream.write(b"ping\n")
        stream.flush()
        return (greeting + stream.readline()).decode()


attempt("urllib http")(lambda: urllib_get(http + "/a"))
attempt("urllib https")(lambda: urllib_get(https + "/a"))
attempt("urllib post")(lambda: urllib_get(https + "/a", b"x" * 300000))
attempt("urllib big")(lambda: len(urllib_get(https + "/big/20000000")))
attempt("requests http")(lambda: requests_get(http + "/a"))
attempt("requests https")(lambda: requests_get(https + "/a"))
attempt("requests posts")(lambda: requests_post(http + "/silent"))
if shutil.which("curl"):
    attempt("curl posts")(lambda: curl("-d", "xxxxxxxxx", *[http + "/silent"] * 20))
    attempt("curl http")(lambda: curl(http + "/a"))
    attempt("curl https")(lambda: curl(https + "/a"))
    attempt("curl without proxy")(lambda: curl("--noproxy", "*", https + "/a"))
if shutil.which("node"):
    attempt("node posts")(lambda: node_post(http + "/silent"))
    attempt("node http")(lambda: node(http + "/a"))
    attempt("node https")(lambda: node(https + "/a"))
    attempt("node elsewhere")(lambda: node("https://elsewhere.test/"))
attempt("raw")(lambda: spoken(raw))
attempt("elsewhere")(lambda: urllib_get("http://elsewhere.test/"))
attempt("another port")(lambda: urllib_get(f"http://{name}:1/"))

with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump(outcomes, file)
