"""What every module of the runner uses: where it works, how it speaks, how it gives up."""
import os
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = Path(os.environ.get("CONFORMANCE_WORK") or Path(tempfile.gettempdir()) / "conformance")
JOBS = os.environ.get("CONFORMANCE_JOBS", "2")

# A table of TOML or JSON.
Table = dict[str, Any]
Env = dict[str, str]


class Fail(Exception):
    """A reason why the runner itself cannot go on."""


def say(*words: object) -> None:
    print(*words, flush=True)


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
