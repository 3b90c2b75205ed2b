"""Writes a suite's control: which tests pass with the real tokio, each time."""
import collections
import json
import re
import shutil
from pathlib import Path

from basics import HERE, Fail, Table, say
from compile import first_error
from graph import rustc_version
from job import Built, Job, Key, Package, Run

TEST_ATTRIBUTE = re.compile(r"#\[\s*(?:\w+\s*::\s*)*test\b[^\]]*\]")
TOUCHES_ASYNC = re.compile(r"\basync\b|block_on|Runtime|\btokio|\bspawn")
# Tests that take so long are noted.
SLOW_S = 5


def record(job: Job, package: Package, names: list[str], built: Built, runs: list[Run], ignored: set[Key],
           version: str) -> int:
    if job.options.files or job.options.filter:
        raise Fail("--record takes the whole suite")
    for name in set(job.suite.get("compile_only", [])) & built.names:
        for run in runs:
            run.results[(name, "(compiles)")] = ("pass", 0)
    keys = {key for run in runs for key in run.results}
    not_counted = uncounted(job, package, keys)
    files, unsteady, slow = sort_out(names, keys, runs)
    empty = sorted(n for n in files if not files[n] and n in built.names and not any(f == n for f, _ in keys))
    files = {name: tests for name, tests in files.items() if tests}
    failed = {n: first_error(built.errors[n]) if built.errors.get(n) else "?" for n in names if n not in built.names}
    by_file = collections.defaultdict(list)
    for file, test in sorted(ignored):
        by_file[file].append(test)
    out = {"suite": job.name, "crate": job.suite["crate"], "version": job.suite["version"], "tokio": version,
           "rustc": rustc_version(), "runs": len(runs), "tests": sum(len(tests) for tests in files.values()),
           "test_files": len(files), "build_s": round(built.seconds), "run_s": [round(run.seconds) for run in runs],
           "not_counted": not_counted, "files": files, "ignored": by_file, "unsteady": unsteady, "slow_s": slow,
           "empty": empty, "does_not_compile": failed, "left_out": package.left_out}
    job.control_path.parent.mkdir(exist_ok=True)
    job.control_path.write_text(json.dumps(out, indent=1) + "\n")
    (HERE / "locks").mkdir(exist_ok=True)
    shutil.copy(package.path / "Cargo.lock", HERE / "locks" / f"{job.name}.lock")
    tell(out)
    return 0


def uncounted(job: Job, package: Package, keys: set[Key]) -> dict[str, int]:
    """Takes the tests that do not count out of `keys`; how many, by the reason."""
    numbers = {}
    if job.suite.get("minus"):
        other_path = job.control_path.parent / f"{job.suite['minus']}.json"
        other = json.loads(other_path.read_text())["files"]
        mine = {(file, test) for file, test in keys if test in other.get(file, ())}
        numbers[f"in the control of {job.suite['minus']} already"] = len(mine)
        keys -= mine
    if job.suite["kind"] == "crate" and any(file == "lib" for file, _ in keys):
        functions = async_unit_tests(package.path)
        mine = {(file, test) for file, test in keys
                if file == "lib" and not any(part in functions for part in test.split("::"))}
        numbers["unit tests that touch no async code"] = len(mine)
        keys -= mine
    mine = {(file, test) for file, test in keys if f"{file} {test}" in job.suite.get("not_counted", [])}
    if mine:
        numbers["that do not use tokio"] = len(mine)
        keys -= mine
    return numbers


def async_unit_tests(package: Path) -> set[str]:
    """Names of the functions under src/ marked as tests whose text touches async code."""
    names = set()
    for file in (package / "src").rglob("*.rs"):
        for part in TEST_ATTRIBUTE.split(file.read_text())[1:]:
            found = re.search(r"\bfn\s+(\w+)", part)
            if found and TOUCHES_ASYNC.search(part):
                names.add(found[1])
    return names


def sort_out(names: list[str], keys: set[Key], runs: list[Run]) -> tuple[dict[str, list[str]], Table, Table]:
    """The tests that pass in each run, by file; those that do not always; those that are slow."""
    files: dict[str, list[str]] = {}
    unsteady: Table = {}
    slow: Table = {}
    for name in names:
        files[name] = []
        for test in sorted(test for file, test in keys if file == name):
            key = (name, test)
            states = [run.results.get(key, ("notrun", 0))[0] for run in runs]
            seconds = max(run.results.get(key, ("", 0))[1] for run in runs)
            second = sum(key in run.second_try for run in runs)
            if any(state != "pass" for state in states):
                unsteady.setdefault(name, {})[test] = "not counted: " + ", ".join(states)
                continue
            files[name].append(test)
            if second:
                why = f"passes, {second} of {len(runs)} times only on the second try"
                unsteady.setdefault(name, {})[test] = why
            if seconds >= SLOW_S:
                slow[f"{name}::{test}"] = round(seconds, 1)
    return files, unsteady, slow


def tell(out: Table) -> None:
    for name, why in out["does_not_compile"].items():
        say(f"does not compile: {name}: {why}")
    for name, tests in out["unsteady"].items():
        for test, why in tests.items():
            say(f"unsteady: {name} {test}: {why}")
    for why, number in out["not_counted"].items():
        say(f"not counted: {number} {why}")
    say(f"{out['suite']}: control of {out['tests']} tests in {out['test_files']} files; "
        f"{len(out['empty'])} files without a test here; build {out['build_s']} s, runs {out['run_s']} s")
