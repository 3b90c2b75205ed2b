//! The comparison table: `cargo bench -p runtime-benches --bench paired -- [filter…] [--rounds N]`.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::table::main();
}
