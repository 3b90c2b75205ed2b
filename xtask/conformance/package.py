"""Makes the scratch package with a suite's tests, in a folder of its own."""
import shutil
import tomllib
from pathlib import Path

from basics import HERE, Table, say, write_if_changed
from doc_library import doc_library
from graph import crate_source, patch_table
from job import Job, Package, tokio_manifest
from toml_out import toml_dump


def prepare(job: Job, drop: list[str] | None = None) -> Package:
    """Writes the package below `scratch`; `drop` names dev-dependencies to leave out instead of the suite's."""
    suite = job.suite if drop is None else {**job.suite, "drop": drop}
    path = job.scratch / "pkg"
    source = crate_source(suite["crate"], suite["version"], path, job.env)
    for dest, own in suite.get("provide", {}).items():
        given = HERE / "provide" / own[1:] if own[0] == "@" else source / own
        write_if_changed(path / dest, given.read_text())
    manifest = published_manifest(source, suite)
    features = list(suite.get("features", []))
    if suite["kind"] in ("tests", "doc"):
        as_own_package(manifest, suite, features, tokio_manifest(job.tokio))
        write_if_changed(path / "conformance_lib.rs", "")
    if suite["kind"] == "doc":
        as_documentation(manifest, suite)
        write_if_changed(path / "doc_lib.rs", doc_library(source / "src"))
    manifest["workspace"] = {}
    own_patches = [f"{name}={path}" for name in suite.get("patch_self", [])]
    manifest["patch"] = patch_table(job.tokio, job.options.patch + own_patches)
    found = test_targets(manifest, path)
    targets, left_out = choose(found, suite, path, enabled(manifest, suite, features))
    manifest["test"] = [target for name, target in found if (path / file_of(name, target)).exists()]
    manifest["package"]["autotests"] = False
    write_if_changed(path / "Cargo.toml", toml_dump(manifest))
    lock = HERE / "locks" / f"{job.name}.lock"
    if lock.exists() and not (path / "Cargo.lock").exists():
        shutil.copy(lock, path / "Cargo.lock")
    return Package(path, manifest["package"]["name"], features, targets, left_out)


def tables(manifest: Table) -> list[Table]:
    """The manifest, and its parts for one target each."""
    return [manifest, *manifest.get("target", {}).values()]


def published_manifest(source: Path, suite: Table) -> Table:
    """The crate's manifest without what only matters where it is published."""
    manifest = tomllib.loads((source / "Cargo.toml").read_text())
    for key in ("bench", "example", "badges", "lints"):
        manifest.pop(key, None)
    for key in ("metadata", "readme", "license-file"):
        manifest["package"].pop(key, None)
    manifest["package"]["publish"] = False
    manifest["package"]["autobenches"] = manifest["package"]["autoexamples"] = False
    drop = set(suite.get("drop", []))
    for table in tables(manifest):
        for dep in drop & set(table.get("dev-dependencies", {})):
            del table["dev-dependencies"][dep]
    manifest.setdefault("dev-dependencies", {}).update(suite.get("add", {}))
    return manifest


def as_own_package(manifest: Table, suite: Table, features: list[str], tokio: Table) -> None:
    """A package of our own in the place of the crate: the same features, the same dev-dependencies."""
    optional = {name for table in tables(tokio)
                for name, dep in table.get("dependencies", {}).items()
                if isinstance(dep, dict) and dep.get("optional")}
    have = set(tokio.get("features", {})) | optional
    want = dict.fromkeys(list(manifest["features"]) + features)
    missing = [feature for feature in want if feature not in have]
    if missing:
        say(f"features that the tokio under test lacks: {', '.join(missing)}")
    own = manifest["features"]
    manifest["features"] = {f: ([] if f in missing else [f"tokio/{f}"]) + [x for x in own.get(f, []) if x in want]
                            for f in want}
    manifest["features"]["default"] = []
    for table in tables(manifest):
        table.pop("dependencies", None)
    manifest["dependencies"] = {"tokio": {"version": "1", "default-features": False}}
    suffix = "-suite" if suite["kind"] == "tests" else "-doc-suite"
    manifest["package"].update(name=suite["crate"] + suffix, version="0.0.0")
    manifest["package"].pop("build", None)
    manifest.pop("lib", None)
    manifest["lib"] = {"path": "conformance_lib.rs", "test": False, "doctest": False}


def as_documentation(manifest: Table, suite: Table) -> None:
    """A library of documented items in the place of test files; what the examples use are its dependencies."""
    targets = tables(manifest)[1:]
    manifest["lib"] = {"path": "doc_lib.rs", "test": False}
    manifest.pop("test", None)
    manifest["package"]["autotests"] = False
    for dep, value in manifest.pop("dev-dependencies", {}).items():
        if dep in suite.get("dev", []):
            manifest["dependencies"][dep] = value
    manifest["dependencies"].update(suite.get("add", {}))
    for dep in suite.get("drop", []):
        manifest["dependencies"].pop(dep, None)
    for table in targets:
        table.pop("dev-dependencies", None)
    manifest["target"] = {}
    manifest["dev-dependencies"] = {}


def enabled(manifest: Table, suite: Table, features: list[str]) -> set[str]:
    """The features that are on, with those that they bring along."""
    on: set[str] = set()
    todo = features + ([] if suite.get("no_default_features") else ["default"])
    while todo:
        feature = todo.pop()
        if feature not in on:
            on.add(feature)
            todo += manifest.get("features", {}).get(feature, [])
    return on


def file_of(name: str, target: Table) -> str:
    path: str = target.get("path", f"tests/{name}.rs")
    return path


def test_targets(manifest: Table, path: Path) -> list[tuple[str, Table]]:
    """The test targets by name: those of the manifest, and those that cargo would find by itself."""
    found: dict[str, Table] = {target["name"]: target for target in manifest.get("test", [])}
    if manifest["package"].get("autotests", True):
        for file in sorted((path / "tests").glob("*.rs")):
            found.setdefault(file.stem, {"name": file.stem, "path": f"tests/{file.name}"})
    if "lib" in found:  # the name is ours for the unit tests
        found["tests_lib"] = {"path": "tests/lib.rs", **found.pop("lib"), "name": "tests_lib"}
    return sorted(found.items(), key=lambda entry: entry[0])


def choose(found: list[tuple[str, Table]], suite: Table, path: Path,
           on: set[str]) -> tuple[list[str], dict[str, str]]:
    """The names of the targets that are run, and why the others are not."""
    left_out = dict(suite.get("leave_out", {}))
    targets = ["lib"] if suite.get("lib", suite["kind"] == "crate") else []
    for name, target in found:
        file = path / file_of(name, target)
        if not file.exists() or name in left_out:
            continue
        why = reason_against(name, target, file, suite, on)
        if why:
            left_out[name] = why
        else:
            targets.append(name)
    return targets, left_out


def reason_against(name: str, target: Table, file: Path, suite: Table, on: set[str]) -> str | None:
    if "tests" in suite and name not in suite["tests"]:
        why: str = suite.get("tests_why", "not chosen")
        return why
    mention = suite.get("only_mentioning")
    if mention and mention not in file.read_text():
        return f"does not mention {mention}"
    lacking = [f for f in target.get("required-features", []) if f not in on]
    if lacking and not suite.get("all_features"):
        return "needs feature " + ", ".join(lacking)
    return None
