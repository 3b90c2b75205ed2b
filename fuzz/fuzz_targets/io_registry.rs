//! The registry of sources against a list of owners.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| io_driver::model::check_registry(bytes));
