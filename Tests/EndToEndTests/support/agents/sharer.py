# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Reads and writes the state that agents share, as the words of its command line say, and says what it was answered.

  get KEY            put KEY VALUE VERSION      context JSON      call NAME      once FILE WORD...      print JSON

`VERSION` may be `read`: that which it has read last. What follows `once FILE` is done only by the first who comes by.
Each answer is a line of the file `answers`. `print` says what it has come to; without it that is what it read last.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


def ask(method, path, body=None):
    request = urllib.request.Request(
        os.environ["NAOS_URL"] + "/agent/v1/" + path, data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"authorization": "Bearer " + os.environ["NAOS_TOKEN"], "content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def note(word, status, answer):
    words = [word, str(status), answer.get("code") or answer.get("freshness") or json.dumps(answer.get("value"))]
    with open("answers", "a") as log:
        log.write(os.environ["NAOS_STEP"] + " " + " ".join(words) + "\n")


words = sys.argv[1:]
version = 0
result = None
while words:
    word = words.pop(0)
    if word == "once":
        try:
            os.close(os.open(words.pop(0), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            words = words[words.index("then") + 1:]
    elif word == "then":
        continue
    elif word == "get":
        status, answer = ask("GET", "state/" + urllib.parse.quote(words.pop(0)))
        version, result = answer.get("version", 0), answer.get("value")
        note(word, status, answer)
    elif word == "put":
        key, value, over = words.pop(0), json.loads(words.pop(0)), words.pop(0)
        body = {"value": value, "version": version if over == "read" else int(over)}
        status, answer = ask("PUT", "state/" + urllib.parse.quote(key), body)
        note(word, status, answer)
    elif word == "context":
        status, answer = ask("POST", "context", json.loads(words.pop(0)))
        note(word, status, answer)
    elif word == "call":
        status, answer = ask("POST", "call/" + words.pop(0), {"input": result})
        note(word, status, answer)
    elif word == "print":
        result = json.loads(words.pop(0))
    else:
        sys.exit("unknown word " + word)
print(json.dumps(result))
