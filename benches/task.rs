//! The `task` area in criterion, every runtime in turn.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::areas::run("task");
}
