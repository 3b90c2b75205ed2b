"""The graph of packages: sources from the registry, the one tokio in it, what hangs on what."""
import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

from basics import WORK, Env, Fail, Table, write_if_changed
from job import Job, Package
from toml_out import toml_dump


def crate_source(name: str, version: str, dest: Path, env: Env) -> Path:
    """Copies one crate's published sources from the cargo registry to dest."""
    probe = WORK / "sources" / f"{name}-{version}"
    write_if_changed(probe / "src" / "lib.rs", "")
    write_if_changed(probe / "Cargo.toml", toml_dump({
        "package": {"name": "source-of-" + name, "version": "0.0.0", "edition": "2021", "publish": False},
        "workspace": {},
        "dependencies": {name: {"version": "=" + version, "default-features": False}},
    }))
    cmd = ["cargo", "metadata", "--format-version=1", "--manifest-path", str(probe / "Cargo.toml")]
    done = subprocess.run(cmd, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Fail(f"cargo cannot fetch {name} {version}:\n{done.stderr}")
    for package in json.loads(done.stdout)["packages"]:
        if package["name"] == name and package["version"] == version:
            source = Path(package["manifest_path"]).parent
            break
    else:
        raise Fail(f"{name} {version} is not in its own graph")
    stamp = dest.parent / (dest.name + ".copied")
    if not stamp.exists() or stamp.read_text() != str(source) or not dest.exists():
        shutil.rmtree(dest, ignore_errors=True)
        skip = shutil.ignore_patterns("Cargo.lock", "Cargo.toml.orig", ".cargo_vcs_info.json",
                                      ".cargo-ok", "target", ".cargo", ".config")
        shutil.copytree(source, dest, ignore=skip)
        stamp.write_text(str(source))
    return source


def patch_table(tokio: Path, more: list[str]) -> Table:
    table = {"tokio": {"path": str(tokio)}}
    for patch in more:
        name, _, path = patch.partition("=")
        table[name] = {"path": str(Path(path).resolve())}
    return {"crates-io": table}


def check_graph(meta: Table, tokio: Path) -> tuple[str, list[str]]:
    """Exactly one tokio 1.x in the graph, and it is the one under test. Its version, and older tokios'."""
    every = [p for p in meta["packages"] if p["name"] == "tokio"]
    found = [p for p in every if p["version"].startswith("1.")]
    mine = [p for p in found if Path(p["manifest_path"]).parent.resolve() == tokio.resolve()]
    if len(found) != 1 or len(mine) != 1:
        raise Fail("the graph must hold exactly one tokio 1.x, the patched one; it holds: "
                   + ", ".join(f"{p['version']} ({p['source'] or p['manifest_path']})" for p in found))
    return mine[0]["version"], [p["version"] for p in every if not p["version"].startswith("1.")]


def metadata(job: Job, package: Package) -> Table:
    cmd = ["cargo", "metadata", "--format-version=1", "--filter-platform", host_triple()]
    if package.features and not job.suite.get("all_features"):
        cmd += ["--features", ",".join(package.features)]
    if job.suite.get("no_default_features"):
        cmd += ["--no-default-features"]
    done = subprocess.run(cmd, cwd=package.path, env=job.env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Fail("cargo cannot resolve the graph:\n" + done.stderr)
    table: Table = json.loads(done.stdout)
    return table


def droppable(meta: Table, failed_ids: list[str]) -> set[str]:
    """Direct dependencies of the scratch package (never tokio) that hang on a package that failed to compile."""
    failed = set(failed_ids)
    names = {p["id"]: p["name"] for p in meta["packages"]}
    if any(names.get(f) in ("tokio", "tokio-macros") for f in failed):
        return set()
    deps = {n["id"]: [d["pkg"] for d in n["deps"]] for n in meta["resolve"]["nodes"]}
    seen: dict[str, bool] = {}

    def reaches(package: str) -> bool:
        if package not in seen:
            seen[package] = False
            seen[package] = package in failed or any(reaches(dep) for dep in deps.get(package, []))
        return seen[package]

    root = meta["resolve"]["root"]
    return {names[i] for i in deps[root] if reaches(i) and names[i] != "tokio"}


@functools.cache
def host_triple() -> str:
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"host: (\S+)", version)
    assert found, "rustc -vV names its host"
    return found[1]


def rustc_version() -> str:
    return subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()
