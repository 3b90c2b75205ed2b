//! The fair queue of permits against its oracle.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| runtime::model::sync::check_permits(bytes));
