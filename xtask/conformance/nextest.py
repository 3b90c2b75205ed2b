"""Runs the compiled tests with cargo-nextest: each in a process of its own, with a time limit."""
import collections
import json
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from basics import Env, Fail, say
from compile import feature_args, target_args
from job import Job, Key, Package, Results, Run, Texts

# More failed, or hung, tests than these are not tried again: each hung one costs its whole limit.
MOST_FAILED, MOST_HUNG = 300, 10
# So many are tried again by one command line.
AT_ONCE = 100


def write_config(job: Job) -> Path:
    period = 'terminate-after = 1, grace-period = "1s"'
    path = job.scratch / "nextest" / "nextest.toml"
    lines = [
        "[store]", f"dir = {json.dumps(str(job.scratch / 'nextest' / 'store'))}",
        "[profile.conformance]", "fail-fast = false",
        f'slow-timeout = {{ period = "{job.limit_s}s", {period} }}',
        "[profile.conformance.junit]", 'path = "junit.xml"', "store-success-output = false",
    ]
    if job.suite.get("serial"):
        lines += ["[test-groups]", "serial = { max-threads = 1 }", "[[profile.conformance.overrides]]",
                  f"filter = {json.dumps(job.suite['serial'])}", "test-group = 'serial'"]
    for slow in job.suite.get("slow", []):
        lines += ["[[profile.conformance.overrides]]", f"filter = {json.dumps(slow['filter'])}",
                  f'slow-timeout = {{ period = "{slow["s"]}s", {period} }}']
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "nextest.log").write_text("")
    path.write_text("\n".join(lines) + "\n")
    return path


def command(verb: str, config: Path) -> list[str]:
    return ["cargo", "nextest", verb, "--config-file", str(config), "--profile", "conformance",
            "--user-config-file", "none"]


def list_tests(job: Job, package: Package, names: list[str], config: Path) -> set[Key]:
    """The tests that are ignored."""
    cmd = (command("list", config) + ["--message-format", "json"] + feature_args(job, package)
           + target_args(names))
    done = subprocess.run(cmd, cwd=package.path, env=job.env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Fail("nextest cannot list the tests:\n" + done.stderr[-4000:])
    ignored = set()
    for suite in json.loads(done.stdout)["rust-suites"].values():
        file = "lib" if suite["kind"] != "test" else suite["binary-name"]
        ignored |= {(file, test) for test, entry in suite.get("testcases", {}).items() if entry["ignored"]}
    return ignored


class Runner:
    """One suite's compiled tests, to be run once or more often."""

    def __init__(self, job: Job, package: Package, names: list[str], config: Path, env: Env) -> None:
        self.job, self.package, self.names, self.config, self.env = job, package, names, config, env

    def run(self, logs: Path) -> Run:
        """All tests, and those that failed a second time, alone."""
        begun = time.time()
        results, texts = self.nextest(self.chosen(), self.job.options.threads)
        second_try: set[Key] = set()
        again = [] if self.job.options.no_retry else worth_another_try(results)
        for start in range(0, len(again), AT_ONCE):
            expression = expression_for(again[start:start + AT_ONCE], self.package.name)
            for key, outcome in self.retry(expression, texts).items():
                results[key] = outcome
                second_try.add(key)
                texts.pop(key, None)
        logs.mkdir(parents=True, exist_ok=True)
        for (file, test), text in texts.items():
            log = logs / (f"{file}--" + re.sub(r"\W+", "_", test)[-120:] + ".log")
            log.write_text(f"{file} {test}\n{text}")
        return Run(results, second_try, time.time() - begun)

    def chosen(self) -> str | None:
        """nextest's expression for the tests that the options and the suite choose."""
        parts = []
        if self.job.options.filter:
            parts.append(f"test(/{self.job.options.filter}/)")
        if self.job.suite.get("skip"):
            parts.append("not (" + " or ".join(self.job.suite["skip"]) + ")")
        return " and ".join(f"({part})" for part in parts) if parts else None

    def retry(self, expression: str, texts: Texts) -> Results:
        """Those that pass now; what the others say goes into `texts`."""
        results, new_texts = self.nextest(expression, "1")
        texts.update(new_texts)
        return {key: outcome for key, outcome in results.items() if outcome[0] == "pass"}

    def nextest(self, expression: str | None, threads: str) -> tuple[Results, Texts]:
        junit = self.config.parent / "store" / "conformance" / "junit.xml"
        junit.unlink(missing_ok=True)
        cmd = (command("run", self.config)
               + ["--no-fail-fast", "--no-tests", "pass", "--hide-progress-bar", "--status-level", "none",
                  "--final-status-level", "none", "--failure-output", "never", "--test-threads", threads]
               + feature_args(self.job, self.package) + target_args(self.names)
               + (["-E", expression] if expression else []))
        with open(self.config.parent / "nextest.log", "a") as log:
            process = subprocess.Popen(cmd, cwd=self.package.path, env=self.env, stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)
            wait(process, self.job.options.max_minutes * 60)
        if junit.exists():
            return read_report(junit)
        if process.returncode == 0:
            return {}, {}
        raise Fail(f"nextest left no report; see {self.config.parent / 'nextest.log'}")


def wait(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Waits for the end of nextest, and brings it about when its time is up."""
    try:
        process.wait(timeout=limit_s)
    except subprocess.TimeoutExpired:
        say("the whole run passed --max-minutes; nextest is stopped")
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_report(junit: Path) -> tuple[Results, Texts]:
    results: Results = {}
    texts: Texts = {}
    for suite in ET.parse(junit).getroot().iter("testsuite"):
        _, _, file = (suite.get("name") or "").partition("::")
        for case in suite.iter("testcase"):
            key = (file or "lib", case.get("name") or "")
            bad = case.find("failure")
            bad = case.find("error") if bad is None else bad
            results[key] = (state_of(bad), float(case.get("time") or 0))
            if bad is not None:
                output = [(case.findtext(part) or "")[-20000:] for part in ("system-out", "system-err")]
                texts[key] = "\n".join([bad.get("message") or "", bad.text or ""] + output)
    return results, texts


def state_of(bad: ET.Element | None) -> str:
    if bad is None:
        return "pass"
    timed_out = "timeout" in (bad.get("type") or "") or "timed out" in (bad.get("message") or "")
    return "timeout" if timed_out else "fail"


def worth_another_try(results: Results) -> list[Key]:
    failed = [key for key, outcome in results.items() if outcome[0] == "fail"]
    hung = [key for key, outcome in results.items() if outcome[0] == "timeout"]
    return (failed if len(failed) <= MOST_FAILED else []) + (hung if len(hung) <= MOST_HUNG else [])


def expression_for(keys: Iterable[Key], package: str) -> str:
    """nextest's expression for these tests."""
    by_file = collections.defaultdict(list)
    for file, test in keys:
        by_file[file].append(test)
    parts = []
    for file, tests in by_file.items():
        binary = package if file == "lib" else f"{package}::{file}"
        parts.append(f"(binary_id(={binary}) and (" + " or ".join(f"test(={test})" for test in tests) + "))")
    return " or ".join(parts)
