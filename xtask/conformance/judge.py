"""Judges a tokio by a suite: compiles, runs, and compares with the control."""
import collections
import json
import re
from pathlib import Path

import doc_tests
import nextest
import services
from basics import Fail, Table, say
from compile import compile_targets, first_error
from graph import check_graph, droppable, metadata
from job import Built, Job, Key, Package, Run
from package import prepare
from record import record

LABELS = (("fail", "failed"), ("timeout", "timed out"), ("notrun", "not run"))


def judge(job: Job) -> int:
    """0 if all tests of the control pass, 1 if not."""
    package = prepare(job)
    meta = metadata(job, package)
    version, old = check_graph(meta, job.tokio)
    names = names_to_run(job, package)
    if job.suite["kind"] == "doc":
        return judge_doc(job, package, meta, version)
    say(f"{job.name}: {job.suite['crate']} {job.suite['version']}, {len(names)} files, tokio {version} at {job.tokio}"
        + (f" (also in the graph, from the registry: tokio {', '.join(old)})" if old else ""))
    built = build(job, package, names, meta)
    runs, ignored = run_all(job, package, [name for name in names if name in built.names])
    if job.options.record:
        return record(job, package, names, built, runs, ignored, version)
    run = runs[0] if runs else Run({}, set(), 0)
    out = page(job, version, built.seconds, run.seconds)
    for name in names:
        out["files"][name] = judge_file(job, name, built, run, ignored, max(map(len, names)))
    tell_rest(job, package, run)
    entries = [entry for entry in out["files"].values() if entry["counted"]]
    out.update(passed=sum(entry["passed"] for entry in entries), tests=sum(entry["counted"] for entry in entries),
               compiled=sum(entry["compiled"] for entry in entries), test_files=len(entries),
               left_out=package.left_out)
    if runs:
        say(f"build {built.seconds:.0f} s, run {run.seconds:.0f} s; "
            f"output of the tests that did not pass in {job.logs / 'run0'}")
    return finish(job, out, "compile")


def page(job: Job, version: str, build_s: float, run_s: float) -> Table:
    return {"suite": job.name, "crate": job.suite["crate"], "version": job.suite["version"], "tokio": version,
            "files": {}, "build_s": round(build_s), "run_s": round(run_s)}


def finish(job: Job, out: Table, what_files_do: str) -> int:
    if job.options.json:
        Path(job.options.json).write_text(json.dumps(out, indent=1, sort_keys=True) + "\n")
    say(f"{job.name}: {out['passed']} of {out['tests']} tests pass "
        f"({out['compiled']} files of {out['test_files']} {what_files_do})")
    return 0 if out["passed"] == out["tests"] else 1


def names_to_run(job: Job, package: Package) -> list[str]:
    """The package's targets, less those that the control knows to be empty or broken."""
    names = list(package.targets)
    if job.control and not job.options.record:
        useless = {file: "no test for this machine in it" for file in job.control["empty"]}
        for file, why in job.control["does_not_compile"].items():
            useless[file] = f"does not compile with the real tokio either: {why}"
        for file in useless.keys() & set(names):
            names.remove(file)
            package.left_out[file] = useless[file]
    if job.options.files:
        names = [name for name in names if name in job.options.files.split(",")]
    if not names and job.suite["kind"] != "doc":
        raise Fail("no test files are left to run")
    return names


def build(job: Job, package: Package, names: list[str], meta: Table) -> Built:
    built = compile_targets(job, package, names)
    tell_foreign(built)
    failed = [name for name, _ in built.foreign]
    drop = droppable(meta, failed) if job.suite["kind"] == "tests" and not built.names else set()
    if drop:
        # else one dev-dependency that this tokio cannot carry would cost every file, not those that use it
        say(f"again without the dev-dependencies that do not compile: {', '.join(sorted(drop))}")
        prepare(job, sorted(drop))
        first_s = built.seconds
        built = compile_targets(job, package, names)
        built.seconds += first_s
        tell_foreign(built)
    say(f"compiled {len(built.names)} of {len(names)} files in {built.seconds:.0f} s; compiler output in {job.logs}")
    return built


def tell_foreign(built: Built) -> None:
    for name, errors in built.foreign:
        say(f"a dependency does not compile: {name.split('#')[-1]}: {first_error(errors)}")


def run_all(job: Job, package: Package, names: list[str]) -> tuple[list[Run], set[Key]]:
    """Runs the tests once, or as often as a record wants; with the ignored ones."""
    config = nextest.write_config(job)
    runs: list[Run] = []
    if not names or job.options.no_run:
        return runs, set()
    ignored = nextest.list_tests(job, package, names, config)
    with services.provide(job.suite.get("service")) as env:
        runner = nextest.Runner(job, package, names, config, {**job.env, **env})
        for number in range(job.options.record or 1):
            run = runner.run(job.logs / f"run{number}")
            runs.append(run)
            if job.options.record:
                counts = collections.Counter(outcome[0] for outcome in run.results.values())
                say(f"run {number + 1}: {dict(counts)} flaky {len(run.second_try)} in {run.seconds:.0f} s")
    return runs, ignored


def judge_file(job: Job, name: str, built: Built, run: Run, ignored: set[Key], width: int) -> Table:
    """The entry of one test file; says how it went."""
    is_built = name in built.names
    mine = {test: outcome[0] for (file, test), outcome in run.results.items() if file == name}
    want = set(job.control["files"].get(name, [])) if job.control else set(mine)
    if job.options.filter:
        want = {test for test in want if re.search(job.options.filter, test)}
    if is_built and name in job.suite.get("compile_only", []):
        mine["(compiles)"] = "pass"
    not_run = "nocompile" if not is_built else "built" if job.options.no_run else "notrun"
    entry: Table = {"compiled": is_built, "tests": {}}
    states: collections.Counter[str] = collections.Counter()
    for test in sorted(want | set(mine)):
        state = mine.get(test, not_run)
        if (name, test) in run.second_try:
            entry.setdefault("second_try", []).append(test)
        entry["tests"][test] = state if test in want else state + " (not counted: not in the control)"
        states[state] += test in want
    entry["counted"], entry["passed"] = len(want), states["pass"]
    entry["ignored"] = sum(file == name for file, _ in ignored)
    if not is_built:
        errors = built.errors.get(name)
        entry["error"] = first_error(errors) if errors else "a dependency or the library does not compile"
    tell_file(job, name, entry, states, width)
    return entry


def tell_file(job: Job, name: str, entry: Table, states: collections.Counter[str], width: int) -> None:
    line = f"{name:{width}}  "
    if "error" in entry:
        line += f"DOES NOT COMPILE, {entry['counted']} tests lost: {entry['error']}"
    else:
        line += f"{entry['passed']:4} of {entry['counted']:4} pass"
        line += "".join(f", {states[state]} {label}" for state, label in LABELS if states[state])
        if entry["ignored"]:
            line += f", {entry['ignored']} ignored"
    say(line)
    if job.options.verbose:
        for test, state in entry["tests"].items():
            if state not in ("pass", "nocompile", "built") and "not counted" not in state:
                say(f"    {state:8} {test}")


def tell_rest(job: Job, package: Package, run: Run) -> None:
    left_out = package.left_out
    if left_out and job.options.verbose:
        for name, why in sorted(left_out.items()):
            say(f"left out: {name}: {why}")
    elif left_out:
        say(f"{len(left_out)} files left out (-v says which and why)")
    if run.second_try:
        say(f"{len(run.second_try)} tests passed only on the second try")


def judge_doc(job: Job, package: Package, meta: Table, version: str) -> int:
    say(f"{job.name}: the examples in the documentation of {job.suite['crate']} {job.suite['version']}, "
        f"tokio {version} at {job.tokio}")
    success, build_s = doc_tests.build(job, package, meta)
    runs = []
    if success and not job.options.no_run:
        runs = [doc_tests.run(job, package, number) for number in range(job.options.record or 1)]
    if job.options.record:
        built = doc_tests.built(runs, build_s)
        package.left_out = {}
        return record(job, package, sorted(built.names), built, runs, set(), version)
    run = runs[0] if runs else Run({}, set(), 0)
    out = page(job, version, build_s, run.seconds)
    for file in sorted(job.control["files"] if job.control else {file for file, _ in run.results}):
        want = job.control["files"][file] if job.control else [t for f, t in run.results if f == file]
        states = {test: run.results.get((file, test), ("fail",))[0] for test in want}
        passed = sum(state == "pass" for state in states.values())
        out["files"][file] = {"tests": states, "passed": passed, "counted": len(want)}
        if passed < len(want) or job.options.verbose:
            say(f"{file:45} {passed:4} of {len(want):4} pass")
    entries = out["files"].values()
    out.update(passed=sum(entry["passed"] for entry in entries), tests=sum(entry["counted"] for entry in entries),
               compiled=sum(entry["passed"] > 0 for entry in entries), test_files=len(entries))
    say(f"build {build_s:.0f} s, run {out['run_s']} s; output of the examples that fail in {job.logs / 'run0'}")
    return finish(job, out, "have one that does")
