//! How late sleeps end: `cargo bench -p runtime-benches --bench lateness -- [--rounds N]`.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::lateness::main();
}
