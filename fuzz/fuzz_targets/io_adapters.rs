//! The adapters of `io` over streams that give and take what they like, lie and panic.
#![no_main]

#[path = "../../runtime/tests/io/adapters.rs"]
mod adapters;

libfuzzer_sys::fuzz_target!(
    init: {
        // libFuzzer's hook ends the process; streams may panic here, and are caught.
        std::panic::set_hook(Box::new(|panic| {
            if !adapters::expects_panics() {
                eprintln!("{panic}");
                std::process::abort();
            }
        }));
    },
    |bytes: &[u8]| adapters::check(bytes)
);
