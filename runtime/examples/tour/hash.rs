//! Real work for `HASH`: a value mixed for many rounds. It keeps a core busy, so it runs on a
//! thread for blocking calls, and looks at times whether anybody still wants the result.

use std::sync::atomic::{AtomicBool, Ordering};

/// The hash, or `None` if `cancelled` was set meanwhile.
pub(crate) fn hash(value: &str, rounds: u64, cancelled: &AtomicBool) -> Option<u64> {
    const CHUNK: u64 = 4096;
    // FNV-1a over the text, then rounds of splitmix64.
    let mut state = value.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut left = rounds;
    while left > 0 {
        if cancelled.load(Ordering::Relaxed) {
            return None;
        }
        for _ in 0..left.min(CHUNK) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state ^= state >> 31;
        }
        left = left.saturating_sub(CHUNK);
    }
    Some(state)
}

/// Sets the flag when dropped: whoever waits for the hash holds it, and may be dropped by a
/// time-out or an abort.
pub(crate) struct CancelOnDrop(pub(crate) std::sync::Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_input_gives_equal_hashes_and_a_cancelled_one_none() {
        let go_on = AtomicBool::new(false);
        assert_eq!(hash("a", 10_000, &go_on), hash("a", 10_000, &go_on));
        assert_ne!(hash("a", 10_000, &go_on), hash("b", 10_000, &go_on));
        assert_ne!(hash("a", 10_000, &go_on), hash("a", 10_001, &go_on));
        assert_eq!(hash("a", u64::MAX, &AtomicBool::new(true)), None);
    }
}
