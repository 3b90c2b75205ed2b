//! The timer wheel against an ordered map.
#![no_main]

#[path = "../../timer/tests/model.rs"]
#[allow(dead_code, unreachable_pub)]
mod model;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((start, ops)) = bytes.split_first_chunk() {
        model::check(u64::from_be_bytes(*start), &model::decode(ops));
    }
});
