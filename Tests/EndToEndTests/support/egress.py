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


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", "cert.pem", *arguments], capture_output=True)
    return done.stdout.decode() if done.returncode == 0 else "exit %d" % done.returncode


def node(url):
    program = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t), e => console.log(e.cause.code))"
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
if shutil.which("curl"):
    attempt("curl http")(lambda: curl(http + "/a"))
    attempt("curl https")(lambda: curl(https + "/a"))
    attempt("curl without proxy")(lambda: curl("--noproxy", "*", https + "/a"))
if shutil.which("node"):
    attempt("node http")(lambda: node(http + "/a"))
    attempt("node https")(lambda: node(https + "/a"))
    attempt("node elsewhere")(lambda: node("https://elsewhere.test/"))
attempt("raw")(lambda: spoken(raw))
attempt("elsewhere")(lambda: urllib_get("http://elsewhere.test/"))
attempt("another port")(lambda: urllib_get(f"http://{name}:1/"))

with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump(outcomes, file)
