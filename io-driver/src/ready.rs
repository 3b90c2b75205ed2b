//! Two small sets: what a caller waits for (`Interest`) and what a source can do (`Ready`).
//!
//! Pure values, no atomics. The bits of `Ready` lie in the low byte of the readiness word.
//!
//! I1. An `Interest` is never empty: `remove` returns `None` instead.
//! I2. `READ_CLOSED` counts as readable and `WRITE_CLOSED` as writable, because a call in that
//!     direction would not block: it returns end of file or an error.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

/// What a caller wants to hear of a source.
///
/// ```
/// use io_driver::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// assert_eq!(Interest::READABLE.remove(Interest::READABLE), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(u8);

const WANT_READABLE: u8 = 1;
const WANT_WRITABLE: u8 = 1 << 1;
const WANT_PRIORITY: u8 = 1 << 2;
const WANT_ERROR: u8 = 1 << 3;

impl Interest {
    /// Reading would not block; includes the closing of the read half.
    pub const READABLE: Interest = Interest(WANT_READABLE);
    /// Writing would not block; includes the closing of the write half.
    pub const WRITABLE: Interest = Interest(WANT_WRITABLE);
    /// Urgent data, or an exceptional state of the source, as `EPOLLPRI` reports it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Interest = Interest(WANT_PRIORITY);
    /// An error is pending. The system reports these always, also when nobody asked.
    pub const ERROR: Interest = Interest(WANT_ERROR);

    /// Returns whether readable readiness is wanted.
    pub const fn is_readable(self) -> bool {
        self.0 & WANT_READABLE != 0
    }

    /// Returns whether writable readiness is wanted.
    pub const fn is_writable(self) -> bool {
        self.0 & WANT_WRITABLE != 0
    }

    /// Returns whether priority readiness is wanted.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const fn is_priority(self) -> bool {
        self.0 & WANT_PRIORITY != 0
    }

    /// Returns whether errors are wanted.
    pub const fn is_error(self) -> bool {
        self.0 & WANT_ERROR != 0
    }

    /// Returns the union of both.
    #[must_use = "this returns the union and changes neither operand"]
    #[allow(clippy::should_implement_trait)] // `const`, and the name that users know.
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }

    /// Returns `self` without what is in `other`, or `None` if nothing is left.
    #[must_use = "this returns the difference and does not change `self`"]
    pub const fn remove(self, other: Interest) -> Option<Interest> {
        match self.0 & !other.0 {
            0 => None,
            left => Some(Interest(left)),
        }
    }

    /// The set to register. Errors are reported without asking, but mio takes no empty set, so an
    /// interest in errors alone registers as readable; `Ready::from_interest` filters that out.
    pub(crate) fn to_mio(self) -> mio::Interest {
        let mut set: Option<mio::Interest> = None;
        let mut want = |one: mio::Interest| set = Some(set.map_or(one, |all| all.add(one)));
        if self.is_readable() {
            want(mio::Interest::READABLE);
        }
        if self.is_writable() {
            want(mio::Interest::WRITABLE);
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.is_priority() {
            want(mio::Interest::PRIORITY);
        }
        set.unwrap_or(mio::Interest::READABLE)
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (WANT_READABLE, "READABLE"),
            (WANT_WRITABLE, "WRITABLE"),
            (WANT_PRIORITY, "PRIORITY"),
            (WANT_ERROR, "ERROR"),
        ];
        let mut separator = "";
        for (bit, name) in names {
            if self.0 & bit != 0 {
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        Ok(())
    }
}

/// What a source is ready for.
///
/// ```
/// use io_driver::Ready;
///
/// let ready = Ready::READABLE | Ready::WRITE_CLOSED;
/// assert!(ready.is_readable() && ready.is_writable());
/// assert!(!ready.is_read_closed());
/// assert_eq!(ready - Ready::READABLE, Ready::WRITE_CLOSED);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

const READABLE: u8 = 1;
const WRITABLE: u8 = 1 << 1;
const READ_CLOSED: u8 = 1 << 2;
const WRITE_CLOSED: u8 = 1 << 3;
const PRIORITY: u8 = 1 << 4;
const ERROR: u8 = 1 << 5;

impl Ready {
    /// Nothing.
    pub const EMPTY: Ready = Ready(0);
    /// Reading would not block.
    pub const READABLE: Ready = Ready(READABLE);
    /// Writing would not block.
    pub const WRITABLE: Ready = Ready(WRITABLE);
    /// The read half is closed; it stays so.
    pub const READ_CLOSED: Ready = Ready(READ_CLOSED);
    /// The write half is closed; it stays so.
    pub const WRITE_CLOSED: Ready = Ready(WRITE_CLOSED);
    /// Urgent data or an exceptional state.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Ready = Ready(PRIORITY);
    /// An error is pending.
    pub const ERROR: Ready = Ready(ERROR);
    /// Everything that this system can report.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const ALL: Ready =
        Ready(READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | PRIORITY | ERROR);
    /// Everything that this system can report.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub const ALL: Ready = Ready(READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | ERROR);

    /// Both closed bits: never cleared, since no half opens again.
    pub(crate) const CLOSED: Ready = Ready(READ_CLOSED | WRITE_CLOSED);

    /// Returns whether nothing is ready.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether reading would not block, be it because the read half is closed.
    pub fn is_readable(self) -> bool {
        self.0 & (READABLE | READ_CLOSED) != 0
    }

    /// Returns whether writing would not block, be it because the write half is closed.
    pub fn is_writable(self) -> bool {
        self.0 & (WRITABLE | WRITE_CLOSED) != 0
    }

    /// Returns whether the read half is closed.
    pub fn is_read_closed(self) -> bool {
        self.0 & READ_CLOSED != 0
    }

    /// Returns whether the write half is closed.
    pub fn is_write_closed(self) -> bool {
        self.0 & WRITE_CLOSED != 0
    }

    /// Returns whether there is urgent data or an exceptional state.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn is_priority(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// Returns whether an error is pending.
    pub fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    /// Returns whether every bit of `other` is in `self`.
    #[doc(hidden)]
    pub fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether `self` and `other` share a bit.
    #[doc(hidden)]
    pub fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns every readiness that answers `interest`, the closing of its half included.
    #[doc(hidden)]
    pub fn from_interest(interest: Interest) -> Ready {
        let mut ready = 0;
        if interest.is_readable() {
            ready |= READABLE | READ_CLOSED;
        }
        if interest.is_writable() {
            ready |= WRITABLE | WRITE_CLOSED;
        }
        if interest.0 & WANT_PRIORITY != 0 {
            ready |= PRIORITY | READ_CLOSED;
        }
        if interest.is_error() {
            ready |= ERROR;
        }
        Ready(ready)
    }

    /// Returns whether some of `self` answers `interest`.
    #[doc(hidden)]
    pub fn satisfies(self, interest: Interest) -> bool {
        self.intersects(Ready::from_interest(interest))
    }

    pub(crate) fn from_mio(event: &mio::event::Event) -> Ready {
        let mut ready = 0;
        let mut add = |is_set: bool, bit: u8| ready |= if is_set { bit } else { 0 };
        // A pending error makes the next read return at once. epoll does not say so for datagrams:
        // a `recv` of a connected socket would sleep through the peer's "port unreachable".
        add(event.is_readable() || event.is_error(), READABLE);
        add(event.is_writable(), WRITABLE);
        add(event.is_read_closed(), READ_CLOSED);
        add(event.is_write_closed(), WRITE_CLOSED);
        add(event.is_error(), ERROR);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        add(event.is_priority(), PRIORITY);
        Ready(ready)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Ready {
        Ready(bits & Ready::ALL.0)
    }
}

impl BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Ready) {
        self.0 |= other.0;
    }
}

impl BitAnd for Ready {
    type Output = Ready;

    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl Sub for Ready {
    type Output = Ready;

    fn sub(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Ready");
        fields
            .field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        fields.field("is_priority", &self.is_priority());
        fields.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interests() -> impl Iterator<Item = Interest> {
        (1..16).map(Interest)
    }

    fn all_ready() -> impl Iterator<Item = Ready> {
        (0..=Ready::ALL.0).map(Ready::from_bits)
    }

    /// I1: whatever is removed, what is left is not empty, and is what set difference says.
    #[test]
    fn an_interest_is_never_empty() {
        for (a, b) in interests().flat_map(|a| interests().map(move |b| (a, b))) {
            assert_eq!((a | b).0, a.0 | b.0);
            match a.remove(b) {
                Some(left) => assert!(left.0 != 0 && left.0 == a.0 & !b.0),
                None => assert_eq!(a.0 & !b.0, 0),
            }
        }
    }

    /// I2: a closed half answers the interest in that half, and no other.
    #[test]
    fn a_closed_half_is_ready_in_its_direction() {
        assert!(Ready::READ_CLOSED.is_readable() && !Ready::READ_CLOSED.is_writable());
        assert!(Ready::WRITE_CLOSED.is_writable() && !Ready::WRITE_CLOSED.is_readable());
        assert!(Ready::READ_CLOSED.satisfies(Interest::READABLE));
        assert!(!Ready::READ_CLOSED.satisfies(Interest::WRITABLE));
        assert!(Ready::WRITE_CLOSED.satisfies(Interest::WRITABLE));
        assert!(!Ready::ERROR.satisfies(Interest::READABLE | Interest::WRITABLE));
        assert!(Ready::ERROR.satisfies(Interest::ERROR));
    }

    #[test]
    fn ready_is_a_set() {
        for (a, b) in all_ready().flat_map(|a| all_ready().map(move |b| (a, b))) {
            assert!((a | b).contains(a) && (a | b).contains(b));
            assert_eq!(a.intersects(b), !(a & b).is_empty());
            assert!(!(a - b).intersects(b));
            assert_eq!((a - b) | (a & b), a);
            let mut sum = a;
            sum |= b;
            assert_eq!(sum, a | b);
        }
    }

    #[test]
    fn an_interest_in_errors_alone_registers_as_readable() {
        assert_eq!(Interest::ERROR.to_mio(), mio::Interest::READABLE);
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(
            both.to_mio(),
            mio::Interest::READABLE | mio::Interest::WRITABLE
        );
    }

    #[test]
    fn debug_names_what_is_in_the_set() {
        let set = Interest::READABLE | Interest::ERROR;
        assert_eq!(format!("{set:?}"), "READABLE | ERROR");
        assert!(format!("{:?}", Ready::READ_CLOSED).contains("is_read_closed: true"));
    }
}
