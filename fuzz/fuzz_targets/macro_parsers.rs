//! The expanders of the macros over whatever tokens there are.
#![no_main]
#![allow(dead_code)]

#[path = "../../macros/src/args.rs"]
mod args;
#[path = "../../macros/src/entry.rs"]
mod entry;
#[path = "../../macros/src/fuzzed.rs"]
mod fuzzed;
#[path = "../../macros/src/join.rs"]
mod join;
#[path = "../../macros/src/select.rs"]
mod select;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::check(&fuzzed::decode(bytes)));
