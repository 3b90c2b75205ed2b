"""Shared parts of run-suite (standard library only, Python >= 3.11)."""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = Path(os.environ.get("CONFORMANCE_WORK") or Path(tempfile.gettempdir()) / "conformance")
JOBS = os.environ.get("CONFORMANCE_JOBS", "2")


class Fail(Exception):
    """A reason why the harness itself cannot go on."""


def say(*words):
    print(*words, flush=True)


# ---------------------------------------------------------------- TOML out

def toml_value(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, float)):
        return str(v)
    if isinstance(v, str):
        return json.dumps(v)
    if isinstance(v, list) and v and all(isinstance(x, dict) for x in v):
        return "[\n" + "".join(f"  {toml_value(x)},\n" for x in v) + "]"
    if isinstance(v, list):
        return "[" + ", ".join(toml_value(x) for x in v) + "]"
    if isinstance(v, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml_value(x)}" for k, x in v.items()) + " }"
    raise TypeError(type(v))


def toml_dump(d):
    out = [f"{json.dumps(k)} = {toml_value(v)}" for k, v in d.items() if not isinstance(v, dict)]
    for k, v in d.items():
        if isinstance(v, dict):
            out.append(f"\n[{json.dumps(k)}]")
            out += [f"{json.dumps(a)} = {toml_value(b)}" for a, b in v.items()]
    return "\n".join(out) + "\n"


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# ---------------------------------------------------------------- small helpers

def load_suites():
    return tomllib.loads((HERE / "suites.toml").read_text())


def tokio_manifest(path):
    m = Path(path) / "Cargo.toml"
    if not m.exists():
        raise Fail(f"no Cargo.toml in {path}")
    d = tomllib.loads(m.read_text())
    if d.get("package", {}).get("name") != "tokio":
        raise Fail(f"the package in {path} is not named tokio")
    return d


def short_hash(s):
    return hashlib.sha256(str(s).encode()).hexdigest()[:8]


@contextlib.contextmanager
def locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that holds {path}")
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def cargo_env(rustflags, extra=None):
    env = dict(os.environ)
    flags = ["--cap-lints=allow"] + rustflags
    env["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
    env.pop("RUSTFLAGS", None)
    # one target directory for all suites that share the flags: what does not depend on tokio is built once
    env["CARGO_TARGET_DIR"] = str(WORK / ("target-" + short_hash(" ".join(flags))))
    env["CARGO_INCREMENTAL"] = "0"
    env.setdefault("CARGO_PROFILE_DEV_DEBUG", "0")
    env.setdefault("CARGO_PROFILE_TEST_DEBUG", "0")
    env.setdefault("CARGO_TERM_COLOR", "never")
    env["CARGO_BUILD_JOBS"] = JOBS
    env.update(extra or {})
    return env


def crate_source(name, version, dest, env):
    """Copies one crate's published sources from the cargo registry to dest."""
    probe = WORK / "sources" / f"{name}-{version}"
    write_if_changed(probe / "src" / "lib.rs", "")
    write_if_changed(probe / "Cargo.toml", toml_dump({
        "package": {"name": "source-of-" + name, "version": "0.0.0", "edition": "2021", "publish": False},
        "workspace": {},
        "dependencies": {name: {"version": "=" + version, "default-features": False}},
    }))
    cmd = ["cargo", "metadata", "--format-version=1", "--manifest-path", str(probe / "Cargo.toml")]
    r = subprocess.run(cmd, env=env, capture_output=True, text=True)
    if r.returncode != 0:
        raise Fail(f"cargo cannot fetch {name} {version}:\n{r.stderr}")
    for p in json.loads(r.stdout)["packages"]:
        if p["name"] == name and p["version"] == version:
            src = Path(p["manifest_path"]).parent
            break
    else:
        raise Fail(f"{name} {version} is not in its own graph")
    stamp = dest.parent / (dest.name + ".copied")
    if not stamp.exists() or stamp.read_text() != str(src) or not dest.exists():
        shutil.rmtree(dest, ignore_errors=True)
        skip = shutil.ignore_patterns("Cargo.lock", "Cargo.toml.orig", ".cargo_vcs_info.json",
                                      ".cargo-ok", "target", ".cargo", ".config")
        shutil.copytree(src, dest, ignore=skip)
        stamp.write_text(str(src))
    return src


def patch_table(tokio, more):
    t = {"tokio": {"path": str(tokio)}}
    for m in more:
        name, _, path = m.partition("=")
        t[name] = {"path": str(Path(path).resolve())}
    return {"crates-io": t}


def check_graph(meta, tokio):
    """Exactly one tokio 1.x in the graph, and it is the one under test."""
    found = [p for p in meta["packages"] if p["name"] == "tokio" and p["version"].startswith("1.")]
    mine = [p for p in found if Path(p["manifest_path"]).parent.resolve() == Path(tokio).resolve()]
    if len(found) != 1 or len(mine) != 1:
        raise Fail("the graph must hold exactly one tokio 1.x, the patched one; it holds: "
                   + ", ".join(f"{p['version']} ({p['source'] or p['manifest_path']})" for p in found))
    old = [p["version"] for p in meta["packages"] if p["name"] == "tokio" and not p["version"].startswith("1.")]
    return mine[0]["version"], old


def metadata(scratch, env, features, no_default):
    cmd = ["cargo", "metadata", "--format-version=1", "--filter-platform", host_triple(env)]
    if features:
        cmd += ["--features", ",".join(features)]
    if no_default:
        cmd += ["--no-default-features"]
    r = subprocess.run(cmd, cwd=scratch, env=env, capture_output=True, text=True)
    if r.returncode != 0:
        raise Fail("cargo cannot resolve the graph:\n" + r.stderr)
    return json.loads(r.stdout)


def host_triple(env, _c=[]):
    if not _c:
        v = subprocess.run(["rustc", "-vV"], env=env, capture_output=True, text=True, check=True).stdout
        _c.append(re.search(r"host: (\S+)", v).group(1))
    return _c[0]


def rustc_version():
    return subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()
