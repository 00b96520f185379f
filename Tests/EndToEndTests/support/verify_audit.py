#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Checks an exported audit log, or the proof of one entry, with nothing of naos: only the specifications.

    verify_audit.py FOLDER KEY          a folder that `naos audit export` wrote
    verify_audit.py --proof FILE KEY    what `naos audit prove N -o json` printed

RFC 9162 (Merkle trees), RFC 8032 (Ed25519), C2SP signed-note and tlog-checkpoint. Exits 1 with a line if anything does
not fit.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

# Ed25519, RFC 8032 section 5.1, as slow and as short as it gets.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519_accepts(key, signature, message):
    public, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, public))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def fail(text):
    print(text)
    sys.exit(1)


def read_checkpoint(note, key_text):
    """The origin, the size and the root of a note that is signed with the key."""
    name, identifier, data = key_text.strip().split("+", 2)
    key = base64.b64decode(data, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if key[0] != 1 or len(key) != 33 or expected.hex() != identifier:
        fail("the key is none")
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        raw = base64.b64decode(blob, validate=True)
        if dash == "\u2014" and signer == name and raw[:4] == expected and ed25519_accepts(key[1:], raw[4:], text.encode()):
            origin, size, root = text.splitlines()[:3]
            if origin != name:
                fail("the key is of another log")
            return origin, int(size), base64.b64decode(root, validate=True)
    return fail("the checkpoint is not signed with the key")


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_folder(folder, key):
    folder = Path(folder)
    origin, size, root = read_checkpoint((folder / "checkpoint").read_text(), key)
    base = json.loads((folder / "base.json").read_text())
    sizes = [1 << bit for bit in reversed(range(63)) if base["size"] >> bit & 1]
    stack = list(zip(sizes, map(bytes.fromhex, base["hashes"]), strict=True))
    number, pruned = base["size"], base["size"] == 0
    for line in (folder / "entries.jsonl").read_bytes().splitlines():
        entry = json.loads(line)
        if entry["seq"] != number:
            fail(f"entry {number} says that it is entry {entry['seq']}")
        if json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != line:
            fail(f"entry {number} is not in its canonical form")
        if entry["event"] == "log.pruned" and entry["details"]["through"] == base["size"]:
            pruned = True
        stack.append((1, leaf(line)))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (count, right), (_, left) = stack.pop(), stack.pop()
            stack.append((2 * count, node(left, right)))
        number += 1
    if number != size:
        fail(f"there are {number} entries, and the checkpoint says {size}")
    if not pruned:
        fail("the first entries are gone, and no entry says that they were removed")
    total = hashlib.sha256(b"").digest() if not stack else stack.pop()[1]
    while stack:
        total = node(stack.pop()[1], total)
    if total != root:
        fail("an entry is not the one that was signed")
    print(f"{origin}: {size} entries, intact")


def check_proof(file, key):
    given = json.loads(Path(file).read_text())
    origin, size, root = read_checkpoint(given["checkpoint"], key)
    index, last = given["index"], size - 1
    total = leaf(given["entry"].encode())
    if not 0 <= index < size:
        fail("there is no such entry")
    for sibling in map(bytes.fromhex, given["proof"]):
        if last == 0:
            fail("the proof is too long")
        if index & 1 or index == last:
            total = node(sibling, total)
            while index & 1 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            total = node(total, sibling)
        index, last = index >> 1, last >> 1
    if last or total != root:
        fail("the proof does not lead to the checkpoint")
    print(f"{origin}: entry {given['index']} of {size}, proved")


if __name__ == "__main__":
    if sys.argv[1] == "--proof":
        check_proof(sys.argv[2], sys.argv[3])
    else:
        check_folder(sys.argv[1], sys.argv[2])
