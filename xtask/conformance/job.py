"""What one run of a suite knows: the suite, the options, where it works, and its package."""
import argparse
import contextlib
import fcntl
import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from basics import HERE, JOBS, WORK, Env, Fail, Table, say

# File and name of a test; its state and seconds.
Key = tuple[str, str]
Results = dict[Key, tuple[str, float]]
# The output of tests that did not pass.
Texts = dict[Key, str]


@dataclass
class Job:
    """One suite against one tokio."""

    name: str
    suite: Table
    options: argparse.Namespace
    tokio: Path
    scratch: Path
    env: Env
    control: Table | None
    control_path: Path

    @property
    def logs(self) -> Path:
        return self.scratch / "logs"

    @property
    def limit_s(self) -> int:
        limit: int = self.options.timeout or self.suite.get("timeout_s", 30)
        return limit


@dataclass
class Package:
    """The scratch package with the suite's tests."""

    path: Path
    name: str
    features: list[str]
    # Test targets by name; `lib` stands for the unit tests.
    targets: list[str]
    left_out: dict[str, str]


@dataclass
class Run:
    """What one run of all tests found."""

    results: Results
    second_try: set[Key]
    seconds: float


@dataclass
class Built:
    """What was compiled, and what became of the rest."""

    names: set[str] = field(default_factory=set)
    errors: dict[str, list[Table]] = field(default_factory=dict)
    # Packages other than the suite's that do not compile.
    foreign: list[tuple[str, list[Table]]] = field(default_factory=list)
    seconds: float = 0.0


def load_suites() -> Table:
    return tomllib.loads((HERE / "suites.toml").read_text())


def tokio_manifest(path: Path) -> Table:
    manifest = path / "Cargo.toml"
    if not manifest.exists():
        raise Fail(f"no Cargo.toml in {path}")
    table = tomllib.loads(manifest.read_text())
    if table.get("package", {}).get("name") != "tokio":
        raise Fail(f"the package in {path} is not named tokio")
    return table


def short_hash(what: object) -> str:
    return hashlib.sha256(str(what).encode()).hexdigest()[:8]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cargo_env(rustflags: list[str], extra: Env | None = None) -> Env:
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
