//! When a socket asks what its reads left behind: a value and its transitions.
//!
//! The parent says what for, and shows the picture. Here is only the policy: a socket whose
//! buffers are larger than its messages never begins, nor does one whose reads are full again and
//! again, as in a transfer; and one that stopped to need it ends.
//!
//! A useful answer saves a call that says `WouldBlock`, a useless one costs what `recvmsg` takes
//! longer than `recv`: about half of what such a call takes. So answers pay if one in three is of
//! use.

use crate::driver::evented::stream::Left;

/// So many times one full read followed by `WouldBlock` make a socket ask.
const FUTILE_LIMIT: u8 = 2;
/// After so many reads whose answer was of no use, and was not made up for, it asks no more.
const USELESS_LIMIT: u8 = 64;
/// For how many useless answers a useful one makes up.
const WORTH_OF_USE: u8 = 2;

/// What a read showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It filled the buffer.
    Full { left: Left },
    /// It filled a part of the buffer, or ended.
    Short,
    /// Nothing was there.
    Blocked,
}

/// Whether to ask, and what led here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `futile` pairs of a full read and a `WouldBlock` came in a row; `after_full` if the
    /// last call was a full read. `has_asked`: the option may be on.
    Watching {
        futile: u8,
        after_full: bool,
        has_asked: bool,
    },
    /// So many more `useless` answers than useful ones made up for.
    Asking {
        useless: u8,
    },
    Never,
}

impl Mode {
    pub(super) const FIRST: Mode = Mode::Watching {
        futile: 0,
        after_full: false,
        has_asked: false,
    };
    const ASKING_BIT: u8 = 0x80;
    const NEVER_BIT: u8 = 0x40;
    const ASKED_BIT: u8 = 0x20;
    const FULL_BIT: u8 = 0x10;
    const FUTILE_MASK: u8 = 0x0f;

    pub(super) fn bits(self) -> u8 {
        match self {
            Mode::Watching {
                futile,
                after_full,
                has_asked,
            } => {
                let full = if after_full { Self::FULL_BIT } else { 0 };
                let asked = if has_asked { Self::ASKED_BIT } else { 0 };
                futile | full | asked
            }
            Mode::Asking { useless } => Self::ASKING_BIT | useless,
            Mode::Never => Self::NEVER_BIT,
        }
    }

    #[inline]
    pub(super) fn from_bits(bits: u8) -> Self {
        if bits & Self::ASKING_BIT != 0 {
            Mode::Asking {
                useless: bits & !Self::ASKING_BIT,
            }
        } else if bits & Self::NEVER_BIT != 0 {
            Mode::Never
        } else {
            Mode::Watching {
                futile: bits & Self::FUTILE_MASK,
                after_full: bits & Self::FULL_BIT != 0,
                has_asked: bits & Self::ASKED_BIT != 0,
            }
        }
    }

    #[inline]
    pub(super) fn after(self, seen: Seen) -> Self {
        match (self, seen) {
            (Mode::Never, _) | (Mode::Asking { .. }, Seen::Blocked) => self,
            (
                Mode::Asking { useless },
                Seen::Full {
                    left: Left::Nothing,
                },
            ) => Mode::Asking {
                useless: useless.saturating_sub(WORTH_OF_USE),
            },
            (Mode::Asking { useless }, _) if useless + 1 < USELESS_LIMIT => Mode::Asking {
                useless: useless + 1,
            },
            (Mode::Asking { .. }, _) => Mode::Watching {
                futile: 0,
                after_full: false,
                has_asked: true,
            },
            (
                Mode::Watching {
                    futile,
                    after_full,
                    has_asked,
                },
                Seen::Full { .. },
            ) => Mode::Watching {
                // One read after the other is full: a transfer, not messages.
                futile: if after_full { 0 } else { futile },
                after_full: true,
                has_asked,
            },
            (Mode::Watching { has_asked, .. }, Seen::Short) => Mode::Watching {
                futile: 0,
                after_full: false,
                has_asked,
            },
            (
                Mode::Watching {
                    futile,
                    after_full: true,
                    has_asked,
                },
                Seen::Blocked,
            ) => {
                if futile + 1 >= FUTILE_LIMIT {
                    return Mode::Asking { useless: 0 };
                }
                Mode::Watching {
                    futile: futile + 1,
                    after_full: false,
                    has_asked,
                }
            }
            (
                Mode::Watching {
                    after_full: false, ..
                },
                Seen::Blocked,
            ) => self,
        }
    }

    pub(super) fn asks(self) -> bool {
        matches!(self, Mode::Asking { .. })
    }

    pub(super) fn may_be_on(self) -> bool {
        match self {
            Mode::Watching { has_asked, .. } => has_asked,
            Mode::Asking { .. } => true,
            Mode::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Seen = Seen::Full {
        left: Left::Unknown,
    };

    fn after(mode: Mode, all: &[Seen]) -> Mode {
        all.iter().fold(mode, |mode, &seen| mode.after(seen))
    }

    #[test]
    fn asking_begins_after_two_futile_reads_in_a_row_only() {
        let asking = Mode::Asking { useless: 0 };
        let futile = [FULL, Seen::Blocked];
        assert!(!after(Mode::FIRST, &futile).asks());
        assert_eq!(after(Mode::FIRST, &[futile, futile].concat()), asking);
        let cut = [FULL, Seen::Blocked, Seen::Short, FULL, Seen::Blocked];
        assert!(!after(Mode::FIRST, &cut).asks());
        assert!(!after(Mode::FIRST, &[Seen::Blocked; 9]).asks());
        assert!(!after(Mode::FIRST, &[FULL; 9]).asks());
    }

    /// The reads of a transfer: several full ones, then nothing is there for a moment.
    #[test]
    fn transfers_never_ask_however_often_they_wait() {
        let transfer = [FULL, FULL, FULL, Seen::Blocked].repeat(99);
        assert!(!after(Mode::FIRST, &transfer).asks());
        let begun = after(Mode::FIRST, &[FULL, Seen::Blocked]);
        assert!(!after(begun, &transfer).asks());
        assert!(
            after(
                begun,
                &[&transfer[..], &[FULL, Seen::Blocked].repeat(2)].concat()
            )
            .asks()
        );
    }

    #[test]
    fn asking_ends_when_it_was_of_no_use_for_long() {
        let useful = Seen::Full {
            left: Left::Nothing,
        };
        let useless = Seen::Full {
            left: Left::Something,
        };
        let asking = Mode::Asking { useless: 0 };
        for seen in [useless, Seen::Short] {
            let mode = after(asking, &vec![seen; usize::from(USELESS_LIMIT) - 1]);
            assert!(mode.asks());
            assert_eq!(mode.after(Seen::Blocked), mode);
            assert_eq!(after(mode, &[useful; USELESS_LIMIT as usize]), asking);
            let ended = mode.after(seen);
            assert!(!ended.asks() && ended.may_be_on());
            assert_eq!(after(ended, &[FULL, Seen::Blocked].repeat(2)), asking);
        }
    }

    /// As many useless answers as the useful ones make up for go on for ever, more do not.
    #[test]
    fn asking_goes_on_while_it_pays() {
        let useful = Seen::Full {
            left: Left::Nothing,
        };
        let useless = Seen::Full {
            left: Left::Something,
        };
        let asking = Mode::Asking { useless: 0 };
        let pays = [useless, useless, useful].repeat(999);
        assert!(after(asking, &pays).asks());
        let costs = [useless, useless, useless, useful].repeat(99);
        assert!(!after(asking, &costs).asks());
    }

    #[test]
    fn never_is_for_ever_and_every_mode_has_its_bits() {
        let mut modes = vec![Mode::Never, Mode::FIRST];
        let mut at = 0;
        while at < modes.len() {
            let mode = modes[at];
            assert_eq!(Mode::from_bits(mode.bits()), mode);
            assert_eq!(mode == Mode::Never, mode.bits() == Mode::Never.bits());
            for left in [Left::Unknown, Left::Nothing, Left::Something] {
                for seen in [Seen::Full { left }, Seen::Short, Seen::Blocked] {
                    let next = mode.after(seen);
                    assert!(mode != Mode::Never || next == Mode::Never);
                    if !modes.contains(&next) {
                        modes.push(next);
                    }
                }
            }
            at += 1;
        }
    }
}
