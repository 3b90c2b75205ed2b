"""Examples in a crate's documentation as a library of their own, whose doc tests they are."""
import re
from pathlib import Path

COMMENT = re.compile(r"\s*//[/!](?!/)( ?)(.*)$")


def doc_library(source: Path) -> str:
    """One item for each documentation comment with an example in it; rustdoc makes the tests of them."""
    out = ["#![doc(test(no_crate_inject))]", "#![allow(dead_code)]"]
    for file in sorted(source.rglob("*.rs")):
        items = documented(file.read_text())
        if items:
            module = "__".join(file.relative_to(source).with_suffix("").parts)
            out.append(f"pub mod r_{module} {{")
            for start, text in items:
                out.append(f"#[doc = r########\"{text}\"########]\npub struct L{start};")
            out.append("}")
    return "\n".join(out) + "\n"


def documented(text: str) -> list[tuple[int, str]]:
    """First line and text of each documentation comment with a code block."""
    block: list[str] = []
    start, items = 0, []
    for number, line in enumerate(text.splitlines() + [""], 1):
        found = COMMENT.match(line)
        if found:
            if not block:
                start = number
            block.append(found[2])
        elif block:
            if any(part.strip().startswith("```") for part in block):
                items.append((start, "\n".join(block)))
            block = []
    return items
