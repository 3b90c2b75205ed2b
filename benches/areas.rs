//! All areas in criterion, every runtime in turn: `cargo bench -p runtime-benches --bench areas --
//! [regex]`, for example `^sync/`.

#![forbid(unsafe_code)]

fn main() {
    runtime_benches::areas::main();
}
