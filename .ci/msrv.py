#!/usr/bin/env python3
"""Checks that no crate users build needs a newer toolchain than the `rust-version` this project promises. (Clippy's
`incompatible_msrv` does the same for the project's own code.) Reads `cargo metadata` from standard input."""
import json, sys


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


metadata = json.load(sys.stdin)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
members = metadata["workspace_members"]

# The members that are published, and what they need outside of tests.
built, todo = set(), [member for member in members if packages[member]["publish"] != []]
while todo:
    here = todo.pop()
    if here in built:
        continue
    built.add(here)
    for dependency in nodes[here]["deps"]:
        if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
            todo.append(dependency["pkg"])

promises = {packages[member]["rust_version"] for member in members}
if len(promises) != 1 or None in promises:
    sys.exit(f"the members of the workspace promise different toolchains: {promises}")
promise = promises.pop()
faults = [
    f"{packages[id]['name']} {packages[id]['version']} needs Rust {packages[id]['rust_version']}, {promise} is promised"
    for id in sorted(built)
    if packages[id]["rust_version"] and version(packages[id]["rust_version"]) > version(promise)
]
if faults:
    sys.exit("\n".join(faults))
print(f"{len(built)} crates on all systems and with all features; none needs more than Rust {promise}")
