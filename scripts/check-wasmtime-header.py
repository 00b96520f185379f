# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: check-wasmtime-header.py BINDINGS HEADER
# Holds the prototypes and layouts of our header against the bindings that come with the library: for each function the
# result and the parameters, by their size and kind.
import ctypes
import re
import sys
import types

bindings_path, header_path = sys.argv[1:]
source = open(bindings_path).read()


class Library:
    """Stands for the library: every name is a function."""

    def __getattr__(self, name):
        function = types.SimpleNamespace(argtypes=None, restype=None)
        setattr(self, name, function)
        return function


library = Library()
# What the bindings take from a module beside them, which would open the library.
outside = {name: type(name, (ctypes.Structure,), {}) for name in ["wasm_val_t", "wasm_ref_t"]}
module = {"dll": library, "__name__": "bindings", **outside}
source = re.sub(r"^from \._ffi import .*$", "", source, flags=re.M)
exec(compile(source, bindings_path, "exec"), module)

SCALARS = {"bool": 1, "uint8_t": 1, "int": 4, "uint32_t": 4, "size_t": 8, "ssize_t": 8, "int64_t": 8, "uint64_t": 8}
CALLBACKS = {"naos_finalizer", "naos_epoch_callback", "naos_write_callback", "wasmtime_func_unchecked_callback_t"}
problems = []


def of_c(text):
    text = re.sub(r"\b(const|struct)\b", "", text).strip()
    stars = text.count("*")
    name = text.replace("*", "").strip()
    if name == "void" and stars == 0:
        return "void"
    if stars or name in CALLBACKS:
        return "pointer"
    return f"scalar {SCALARS[name]}"


def of_python(kind):
    if kind is None:
        return "void"
    if kind is ctypes.c_void_p or issubclass(kind, (ctypes._Pointer, ctypes._CFuncPtr)):
        return "pointer"
    return f"scalar {ctypes.sizeof(kind)}"


def split(parameters):
    inside = parameters.strip()
    return [] if inside in ("", "void") else [part.strip() for part in inside.split(",")]


header = open(header_path).read()
listing = header[header.index("#define NAOS_WASMTIME_FUNCTIONS(F)"):header.index("struct naos_wasmtime {")]
listing = listing.replace("\\\n", " ")
functions = re.findall(r"F\(\s*([\w\s*]+?),\s*(\w+),\s*\(([^()]*)\)\s*\)", listing)
if len(functions) != listing.count("  F("):
    problems.append(f"{len(functions)} of {listing.count('  F(')} prototypes could be read")
for result, name, parameters in functions:
    known = vars(library).get(name)
    if known is None or known.argtypes is None:
        problems.append(f"{name}: the bindings lack it")
        continue
    ours = [of_c(part) for part in split(parameters)], of_c(result)
    theirs = [of_python(kind) for kind in known.argtypes], of_python(known.restype)
    if ours != theirs:
        problems.append(f"{name}: {ours} here, {theirs} in the bindings")

LAYOUTS = {
    "wasmtime_func": (16, {"store_id": 0}), "wasmtime_instance": (16, {"store_id": 0}), "wasmtime_memory": (24, {}),
    "wasmtime_extern": (32, {"kind": 0, "of": 8}), "wasmtime_val": (32, {"kind": 0, "of": 8}),
    "wasmtime_val_raw": (16, {"i32": 0, "i64": 0}), "wasm_byte_vec_t": (16, {"size": 0, "data": 8}),
    "wasmtime_component_val": (32, {"kind": 0, "of": 8}), "wasmtime_component_vallist": (16, {"size": 0, "data": 8}),
    "wasmtime_component_valresult": (16, {"is_ok": 0, "val": 8}), "wasmtime_component_func": (32, {}),
    "wasmtime_component_instance": (16, {"store_id": 0}),
}
for name, (size, offsets) in LAYOUTS.items():
    kind = module[name]
    found = ctypes.sizeof(kind), {field: getattr(kind, field).offset for field in offsets}
    if found != (size, offsets):
        problems.append(f"{name}: {(size, offsets)} here, {found} in the bindings")

for problem in problems:
    print(f"{header_path}: {problem}", file=sys.stderr)
if problems:
    sys.exit(1)
print(f"{header_path}: {len(functions)} prototypes and {len(LAYOUTS)} layouts are those of the bindings")
