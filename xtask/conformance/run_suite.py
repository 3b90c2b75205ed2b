#!/usr/bin/env python3
"""Runs one published test suite against a tokio of your choice.

    run_suite.py SUITE --tokio PATH [--json OUT]
    run_suite.py --list

The tests come from the cargo registry at run time; nothing of them is kept here. See README.md.
"""
import argparse
import json
import shutil
import sys
from pathlib import Path

import services
from basics import HERE, WORK, Fail, Table, say
from job import Job, cargo_env, load_suites, locked, short_hash
from judge import judge


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("suite", nargs="?")
    add("--tokio", metavar="PATH", help="directory of the package named tokio that is to be judged")
    add("--patch", action="append", default=[], metavar="NAME=PATH", help="patch a further crate too")
    add("--files", metavar="A,B", help="only these test files (lib for the unit tests)")
    add("--filter", metavar="REGEX", help="only tests whose name matches")
    add("--json", metavar="OUT", help="write the whole result there")
    add("--no-run", action="store_true", help="compile only")
    add("--timeout", type=int, metavar="S", help="per-test limit in seconds (default: the suite's, else 30)")
    add("--max-minutes", type=float, default=60, help="limit for the whole test run (default 60)")
    add("--threads", default="2", help="tests at a time (default 2)")
    add("--no-retry", action="store_true", help="do not try failed tests a second time")
    add("--rustflags", default="", help="further rustc flags, split at blanks")
    add("--record", type=int, metavar="N",
        help="run N times and write control/SUITE.json and locks/SUITE.lock (only with the real tokio)")
    add("-v", "--verbose", action="store_true", help="name every test that does not pass")
    add("--list", action="store_true", help="list the suites")
    return parser.parse_args()


def list_suites(suites: Table) -> None:
    say("| suite | crate | tests | files | build, s | run, s | what it covers |\n|---|---|---:|---:|---:|---:|---|")
    total = 0
    for name, suite in suites.items():
        path = HERE / "control" / f"{name}.json"
        none = {"tests": 0, "test_files": 0, "run_s": [], "build_s": "?"}
        control = json.loads(path.read_text()) if path.exists() else none
        total += control["tests"]
        say(f"| {name} | {suite['crate']} {suite['version']} | {control['tests']} | {control['test_files']} "
            f"| {control['build_s']} | {(control['run_s'] or ['?'])[-1]} | {suite.get('about', '')} |")
    say(f"| all | | {total} | | | | |")


def make_job(name: str, suite: Table, options: argparse.Namespace) -> Job:
    tokio = Path(options.tokio).resolve()
    scratch = WORK / f"{name}-{short_hash([str(tokio), options.patch, options.rustflags])}"
    env = cargo_env(suite.get("rustflags", []) + options.rustflags.split(), suite.get("env"))
    control_path = HERE / "control" / f"{name}.json"
    control = json.loads(control_path.read_text()) if control_path.exists() else None
    if control is None and not options.record:
        say("no control recorded for this suite: every test counts")
    return Job(name, suite, options, tokio, scratch, env, control, control_path)


def main() -> int:
    options = parse()
    suites = load_suites()
    if options.list or not options.suite:
        list_suites(suites)
        return 0
    if options.suite not in suites:
        raise Fail(f"no suite {options.suite}; run_suite.py --list names them")
    if not options.tokio:
        raise Fail("--tokio PATH is missing")
    suite = suites[options.suite]
    for tool in suite.get("needs", []):
        if not shutil.which(tool):
            raise Fail(f"the suite {options.suite} needs {tool} on the PATH")
    job = make_job(options.suite, suite, options)
    with locked(job.scratch / "lock"):
        return judge(job)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Fail, services.Missing) as problem:
        print(f"run_suite.py: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
