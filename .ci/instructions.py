#!/usr/bin/env python3
"""Counts the instructions of what `crates/anabranch/benches/instructions.rs` lists and holds them within 10 % of the
counts in `instructions.json` beside it; with `--write`, writes them there.

A count that is more than 10 % lower fails too: write the new one down, or the next loss of as much is not seen.

Needs Valgrind, and `gungraun-runner` in the version of the library, by `PATH` or by `GUNGRAUN_RUNNER`. The counts
depend on the compiler, on the processor's kind, and on the C library, whose `malloc` and `memcpy` are counted too.
So what they were written with is written beside them, and where anything of it is another, the table is printed and
nothing fails."""
import json, pathlib, platform, subprocess, sys

TOLERANCE = 0.10
root = pathlib.Path(__file__).resolve().parent.parent
file = root / "crates/anabranch/benches/instructions.json"


def toolchain():
    """What the counts depend on, beside the code."""
    lines = subprocess.run(["rustc", "-vV"], cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    facts = dict(line.split(": ", 1) for line in lines if ": " in line)
    return {"rustc": facts["release"], "target": facts["host"], "libc": " ".join(platform.libc_ver())}


def count():
    """Instructions by name, in the order of the benchmark."""
    command = ["cargo", "bench", "--quiet", "-p", "anabranch", "--bench", "instructions", "--", "--output-format=json"]
    run = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed with {run.returncode}:\n{run.stdout}")
    counts = {}
    for line in filter(None, run.stdout.splitlines()):
        summary = json.loads(line)
        counts[summary["id"]] = instructions(summary)
    if not counts:
        sys.exit(f"{' '.join(command)} counted nothing")
    return counts


def instructions(summary):
    """Of one benchmark: alone on the left, or beside those of the run before."""
    metrics = summary["profiles"][0]["summaries"]["total"]["summary"]["Callgrind"]["Ir"]["metrics"]
    return (metrics["Left"] if "Left" in metrics else metrics["Both"][0])["Int"]


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("usage: .ci/instructions.py [--write]")
    now, here = count(), toolchain()
    written = json.loads(file.read_text()) if file.exists() else {"counts": {}}
    counts = written.pop("counts")

    print(f"{'instructions':<48}{'written':>12}{'now':>12}{'difference':>12}")
    faults = []
    for name in dict.fromkeys([*now, *counts]):
        before, after = counts.get(name), now.get(name)
        if before is None or after is None:
            difference, fault = "", True
        else:
            change = after / before - 1
            difference, fault = f"{change:+.1%}", abs(change) > TOLERANCE
        mark = "  <" if fault else ""
        shown = ["-" if number is None else f"{number:,}" for number in (before, after)]
        print(f"{name:<48}{shown[0]:>12}{shown[1]:>12}{difference:>12}{mark}")
        if fault:
            faults.append(name)

    if sys.argv[1:] == ["--write"]:
        file.write_text(json.dumps({**here, "counts": now}, indent=2) + "\n")
        print(f"written to {file.relative_to(root)}")
    elif written != here:
        print(f"written with {', '.join(written.values())}; counted with {', '.join(here.values())}: not compared")
    elif faults:
        sys.exit(
            f"{len(faults)} of {len(now)} counts are not within {TOLERANCE:.0%} of what is written down. "
            "If that is meant, `.ci/instructions.py --write` writes the new ones"
        )
    else:
        print(f"{len(now)} counts, each within {TOLERANCE:.0%} of what is written down")


main()
