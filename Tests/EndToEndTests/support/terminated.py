# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Asks a host whose TLS ends at the gate, with whatever is at hand, and writes to NAOS_OUTPUT what came of each. It knows
# nothing of the gate: it names no certificates and sets no variable.
import json, os, shutil, subprocess, sys, urllib.error, urllib.request

name, secure = os.environ["NAME"], os.environ["SECURE"]
https = f"https://{name}:{secure}"
outcomes = {"environment": json.dumps(dict(os.environ))}


def attempt(what):
    def run(body):
        try:
            outcomes[what] = str(body())
        except urllib.error.HTTPError as error:
            outcomes[what] = "%d %s" % (error.code, error.read().decode())
        except Exception as error:
            outcomes[what] = "%s %s" % (type(error).__name__, error)
    return run


def get(path, data=None, method=None, headers={}):
    request = urllib.request.Request(https + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def requests_get(path):
    import requests
    with requests.Session() as session:
        # Twice in a session, which would keep the connection.
        return session.get(https + path, timeout=20).text + ", " + session.get(https + path, timeout=20).text


def requests_refused(*paths):
    import requests
    with requests.Session() as session:
        return " ".join(str(session.get(https + path, timeout=20).status_code) for path in paths)


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True)
    return done.stdout.decode() if done.returncode == 0 else "exit %d %s" % (done.returncode, done.stderr.decode())


def node(path):
    program = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t), e => console.log(e.cause.code))"
    return subprocess.run(["node", "-e", program, https + path], capture_output=True).stdout.decode().strip()


def node_refused(*paths):
    program = """(async () => {
      const codes = []
      for (const url of process.argv.slice(1)) {
        const answer = await fetch(url)
        await answer.text()
        codes.push(answer.status)
      }
      console.log(codes.join(" "))
    })()"""
    return subprocess.run(["node", "-e", program, *[https + path for path in paths]], capture_output=True).stdout.decode().strip()


attempt("urllib")(lambda: get("/v1/a"))
attempt("urllib post")(lambda: get("/v1/a", b"x" * 300000))
attempt("urllib big")(lambda: len(get("/big/20000000")))
attempt("requests")(lambda: requests_get("/v1/a"))
attempt("requests refused")(lambda: requests_refused("/v1/a", "/v2/a", "/v1/a"))
if shutil.which("curl"):
    attempt("curl")(lambda: curl(https + "/v1/a"))
    attempt("curl http2")(lambda: curl("--http2", "-o", "/dev/null", "-w", "%{http_version} %{ssl_verify_result}", https + "/v1/a"))
    attempt("curl twice")(lambda: curl(https + "/v1/a", https + "/v1/b"))
    attempt("curl websocket")(lambda: curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", https + "/v1/a"))
if shutil.which("node"):
    attempt("node")(lambda: node("/v1/a"))
    attempt("node refused")(lambda: node_refused("/v1/a", "/v2/a", "/v1/a"))
attempt("path")(lambda: get("/v2/a"))
attempt("method")(lambda: get("/v1/a", method="DELETE"))
attempt("echo")(lambda: get("/v1/echo", headers={"Authorization": "Bearer of-the-agent"}))
# It knows the secret now, and says it where it is written down.
attempt("path that tells")(lambda: get("/v2/" + outcomes["echo"].split(" ")[-1]))
print("the host says", outcomes["echo"], flush=True)
print("to the error stream too", outcomes["echo"], file=sys.stderr, flush=True)

with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump({key: value for key, value in outcomes.items() if key != "echo"} | {"echoed": "Bearer" in outcomes["echo"]}, file)
