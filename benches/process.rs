//! The `process` area in criterion, every runtime in turn.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::areas::run("process");
}
