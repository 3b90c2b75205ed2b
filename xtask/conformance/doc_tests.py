"""The examples in a crate's documentation, each under its own time limit."""
import collections
import json
import re
import shutil
import subprocess
import time

from basics import HERE, Table, say
from compile import feature_args, first_error
from graph import droppable, host_triple
from job import Built, Job, Package, Results, Run, Texts
from package import prepare

# What `limit.py` prints.
MARK = "conformance: out of time"
TEST_LINE = re.compile(r"^test (\S+) - (?:r_(\w+))::L(\d+) \(line (\d+)\)( - [\w ]+)? \.\.\. (\w+)", re.M)


def build(job: Job, package: Package, meta: Table) -> tuple[bool, float]:
    """Builds what the examples need, the second time without what does not compile. Whether it did; seconds."""
    shutil.rmtree(job.logs, ignore_errors=True)
    begun = time.time()
    success = False
    for attempt in range(2):
        cmd = ["cargo", "build", "--keep-going", "--message-format=json"] + feature_args(job, package)
        done = subprocess.run(cmd, cwd=package.path, env=job.env, capture_output=True, text=True)
        success = done.returncode == 0
        failed = collections.defaultdict(list)
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message.get("reason") == "compiler-message" and message["message"]["level"].startswith("error"):
                failed[message["package_id"]].append(message["message"])
        for name, errors in failed.items():
            say(f"does not compile: {name.split('#')[-1]}: {first_error(errors)}")
        drop = droppable(meta, list(failed))
        if success or not drop or attempt:
            break
        say(f"again without the dependencies that do not compile: {', '.join(sorted(drop))}")
        prepare(job, sorted(drop))
    if not success:
        say("tokio or a dependency does not compile")
    return success, time.time() - begun


def run(job: Job, package: Package, number: int) -> Run:
    """All examples once; what the failed ones say goes to the logs."""
    begun = time.time()
    results, texts = examples(job, package)
    seconds = time.time() - begun
    counts = collections.Counter(outcome[0] for outcome in results.values())
    say(f"run {number + 1}: {dict(counts)} in {seconds:.0f} s")
    for (file, test), text in texts.items():
        log = job.logs / f"run{number}" / (re.sub(r"\W+", "_", f"{file} {test}") + ".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{file} {test}\n{text}")
    return Run(results, set(), seconds)


def examples(job: Job, package: Package) -> tuple[Results, Texts]:
    """`cargo test --doc`, each example under its own time limit."""
    runner = f"CARGO_TARGET_{host_triple().upper().replace('-', '_')}_RUNNER"
    env = {**job.env, runner: f"python3 {HERE / 'limit.py'} {job.limit_s}"}
    cmd = (["cargo", "test", "--doc"] + feature_args(job, package) + ["--", "--test-threads", job.options.threads]
           + ([job.options.filter] if job.options.filter else []))
    done = subprocess.run(cmd, cwd=package.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, stdin=subprocess.DEVNULL)
    log = job.scratch / "nextest" / "doctest.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout)
    return read_output(done.stdout, job.limit_s)


def read_output(body: str, limit_s: int) -> tuple[Results, Texts]:
    """Examples by file, comment and number in it: line numbers inside the made file say nothing."""
    found: dict[tuple[str, int, int], tuple[str, str]] = {}
    for line in TEST_LINE.finditer(body):
        if "compile fail" in (line[5] or ""):
            continue  # passes whenever the API is missing
        full_name = f"{line[1]} - r_{line[2]}::L{line[3]} (line {line[4]}){line[5] or ''}"
        found[(line[2], int(line[3]), int(line[4]))] = (line[6], full_name)
    results: Results = {}
    texts: Texts = {}
    count: collections.Counter[tuple[str, int]] = collections.Counter()
    for (module, start, _), (state, full_name) in sorted(found.items()):
        count[(module, start)] += 1
        key = (module.replace("__", "/"), f"line {start} example {count[(module, start)]}")
        if state == "ignored":
            continue
        results[key] = ("pass" if state == "ok" else "fail", 0.0)
        if state != "ok":
            output = re.search(r"^---- " + re.escape(full_name) + r" stdout ----\n(.*?)(?=^---- |^failures:)",
                               body, re.M | re.S)
            texts[key] = output[1] if output else ""
            if MARK in texts[key]:
                results[key] = ("timeout", float(limit_s))
    return results, texts


def built(runs: list[Run], seconds: float) -> Built:
    """Every file of which an example ran counts as built."""
    return Built({file for run in runs for file, _ in run.results}, {}, [], seconds)
