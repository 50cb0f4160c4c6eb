#!/usr/bin/env python3
"""Counts the instructions that each part of an event's way takes, and compares them with Tests/Benchmarks/costs.json.

    costs.py --executable hookline-costs [--update] [PART ...]

valgrind counts, so that the figures are nearly the same in every run, however busy the machine is. What setting up
costs is taken away by running each part twice, with few events and with more. Exits 1 if a part takes more than its
count in the file and the file's margin, and names it.
"""

import argparse
import json
import os
import re
import subprocess
import sys

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "costs.json")
UPDATE = "packaging/costs --update"
FEW, MANY = 1_024, 4_096

# Hash values differ from run to run otherwise, and libcrypto and the C library take what the processor has: here they
# take what every x86-64 has.
ENVIRONMENT = {
    "SWIFT_DETERMINISTIC_HASHING": "1", "OPENSSL_ia32cap": "~0x0:~0x0", "LC_ALL": "C", "PATH": "/usr/bin:/bin",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-AVX512F,-ERMS,-FSRM,-AVX_Fast_Unaligned_Load",
}


def instructions(executable, part, count):
    """Of the whole program."""
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", executable, part, str(count)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not found:
        raise SystemExit(f"{part} can't be counted: {result.stderr[-1000:]}")
    return int(found.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*")
    parser.add_argument("--executable", required=True)
    parser.add_argument("--update", action="store_true", help="makes what is counted the file's counts")
    options = parser.parse_args()
    executable = os.path.abspath(options.executable)
    parts = subprocess.run([executable], check=True, capture_output=True, text=True, timeout=30).stdout.split()
    with open(FILE, encoding="utf-8") as file:
        expected = json.load(file)
    for part in options.part:
        if part not in parts:
            parser.error(f"no such part: {part}; there are {', '.join(parts)}")
    margin, grown, counts = expected["margin"], [], dict(expected["instructions"])
    print(f"{'instructions an event':<24}{'counted':>10}{'at most':>10}{'of the count in the file':>27}")
    for part in options.part or parts:
        count = (instructions(executable, part, MANY) - instructions(executable, part, FEW)) / (MANY - FEW)
        known = expected["instructions"].get(part)
        limit = "" if known is None else f"{known * (1 + margin):,.0f}"
        ratio = "not in the file" if known is None else f"{count / known:.3f}"
        is_over = known is None or count > known * (1 + margin)
        mark = "  GROWN" if is_over and not options.update else ""
        print(f"{part:<24}{count:>10,.0f}{limit:>10}{ratio:>27}{mark}", flush=True)
        if is_over:
            grown.append(part)
        counts[part] = round(count)
    if options.update:
        with open(FILE, "w", encoding="utf-8") as file:
            kept = {part: counts[part] for part in parts if part in counts}
            json.dump({"margin": margin, "instructions": kept}, file, indent=4)
            file.write("\n")
        print(f"{os.path.relpath(FILE)} has these counts now")
        return 0
    missing = [] if options.part else [part for part in expected["instructions"] if part not in parts]
    for part in missing:
        print(f"{part} is in the file, and nothing counts it")
    if grown or missing:
        print(f"More instructions than {os.path.relpath(FILE)} allows: {', '.join(grown + missing)}. Mend it, or, if"
              f" it is worth it: {UPDATE}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
