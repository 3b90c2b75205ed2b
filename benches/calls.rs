//! System calls per operation: `cargo bench -p runtime-benches --bench calls -- [filter…]`.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::strace::main();
}
