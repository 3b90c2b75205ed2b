"""Compiles a suite's targets one by one, so that a file that does not compile costs only itself."""
import collections
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator

from basics import Table
from job import Built, Job, Package


def feature_args(job: Job, package: Package) -> list[str]:
    out = []
    if job.suite.get("no_default_features"):
        out.append("--no-default-features")
    if job.suite.get("all_features"):
        out.append("--all-features")
    elif package.features:
        out += ["--features", ",".join(package.features)]
    return out


def target_args(names: Iterable[str]) -> list[str]:
    out = []
    for name in names:
        out += ["--lib"] if name == "lib" else ["--test", name]
    return out


def build_commands(job: Job, package: Package, names: list[str]) -> Iterator[list[str]]:
    features = feature_args(job, package)
    base = ["cargo", "build", "--keep-going", "--message-format=json"] + features
    # test targets and the library's unit tests: `cargo build` has no flag for the latter alone, rustc has
    if any(name != "lib" for name in names):
        yield base + target_args(name for name in names if name != "lib")
    if "lib" in names:
        yield ["cargo", "test", "--no-run", "--message-format=json"] + features + ["--lib"]


def compile_targets(job: Job, package: Package, names: list[str]) -> Built:
    begun = time.time()
    shutil.rmtree(job.logs, ignore_errors=True)
    job.logs.mkdir(parents=True)
    names_built: set[str] = set()
    errors: dict[str, list[Table]] = collections.defaultdict(list)
    with open(job.logs / "cargo.stderr", "w") as stderr:
        for command in build_commands(job, package, names):
            process = subprocess.Popen(command, cwd=package.path, env=job.env, stdout=subprocess.PIPE,
                                       stderr=stderr, text=True)
            assert process.stdout, "it is piped"
            for message in messages(process.stdout):
                take(message, str(package.path), names_built, errors)
            process.wait()
    for name, found in errors.items():
        log = job.logs / (re.sub(r"\W+", "_", name)[-80:] + ".log")
        log.write_text("\n".join(error["rendered"] for error in found))
    foreign = [(name, found) for name, found in errors.items() if name not in names]
    return Built(names_built & set(names), errors, foreign, time.time() - begun)


def messages(lines: Iterable[str]) -> Iterator[Table]:
    """Cargo's messages, less what others print between them."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def take(message: Table, package: str, built: set[str], errors: dict[str, list[Table]]) -> None:
    """Notes a target that was built, or an error of one that was not."""
    reason = message.get("reason")
    if reason == "compiler-artifact" and message["profile"]["test"] and message.get("executable"):
        kinds = message["target"]["kind"]
        if "test" in kinds:
            built.add(message["target"]["name"])
        elif {"lib", "rlib", "cdylib", "proc-macro"} & set(kinds):
            built.add("lib")
    elif reason == "compiler-message" and message["message"]["level"].startswith("error"):
        name = message["package_id"]
        if package in message["manifest_path"]:
            name = message["target"]["name"] if "test" in message["target"]["kind"] else "lib"
        errors[name].append(message["message"])


def first_error(errors: list[Table]) -> str:
    for error in errors:
        if error.get("code") or not error["message"].startswith("aborting"):
            primary = [span for span in error.get("spans", []) if span["is_primary"]]
            where = f" ({primary[0]['file_name']}:{primary[0]['line_start']})" if primary else ""
            first: str = error["message"].splitlines()[0]
            return first + where
    return "?"
