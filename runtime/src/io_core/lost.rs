//! What a writer lost that says yes before it writes, and who has been told of it.
//!
//! ```text
//!                add                       tell_once                  all is written again
//!   nothing ───────────► lost, untold ─────────────────► lost, told ──────────────────────► nothing
//!                             └── tell: an error each time ──┘
//! ```
//!
//! L1. As long as bytes are lost, each [`tell`](Lost::tell) is an error: a flush never says that
//!     all is well while it is not. Nothing but bytes in their place, or the cut of that place,
//!     ends it.
//! L2. Each error is told by [`tell_once`](Lost::tell_once) unless it was told before, also when
//!     the bytes have been cut off since. So who writes on learns of it, and can write on then.
//! L3. `ranges` are sorted, not empty, and do not touch. They are at most [`MOST_RANGES`]; from
//!     then on the two with the least between them are taken as one, so that too much counts as
//!     lost and not too little.
//!
//! A stream, and a file that is only appended to, have no places: what is written next goes where
//! the lost bytes would have gone, so there as many bytes as were lost stand for them.

use std::io;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// How many gaps are told apart.
const MOST_RANGES: usize = 32;

/// See the [module](self). Made at the first error, so that a writer without one is small.
#[derive(Debug, Default)]
pub(crate) struct Lost(Option<Box<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// As it came, until somebody is told.
    untold: Option<io::Error>,
    /// The last one, while something is lost.
    kept: Option<Kept>,
    ranges: Vec<Range<u64>>,
    /// Bytes without a place.
    behind: u64,
}

/// Which bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Those at these positions of a file.
    At(Range<u64>),
    /// So many, wherever the stream was.
    Next(u64),
    /// Nobody knows which, so that nothing can take their place.
    Unknown,
}

/// What an error is made of again.
#[derive(Debug)]
struct Kept {
    code: Option<i32>,
    kind: io::ErrorKind,
    text: String,
}

impl Kept {
    fn new(error: &io::Error) -> Self {
        Self {
            code: error.raw_os_error(),
            kind: error.kind(),
            text: error.to_string(),
        }
    }

    fn error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.text.clone()),
        }
    }
}

// The error is handed on as it came: a panic leaves nothing half changed in it.
impl UnwindSafe for Record {}
impl RefUnwindSafe for Record {}

impl Lost {
    /// Whether nothing is lost.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept().is_none()
    }

    fn kept(&self) -> Option<&Kept> {
        self.0.as_ref()?.kept.as_ref()
    }

    /// The bytes of `place` were accepted and not written.
    pub(crate) fn add(&mut self, error: io::Error, place: Place) {
        let record = self.0.get_or_insert_default();
        record.kept = Some(Kept::new(&error));
        record.untold = Some(error);
        match place {
            Place::At(range) => record.add_range(range),
            Place::Next(count) => record.behind = record.behind.saturating_add(count),
            Place::Unknown => record.behind = u64::MAX,
        }
        record.forget_if_whole();
    }

    /// The bytes of `place` were written.
    pub(crate) fn written(&mut self, place: Place) {
        let Some(record) = &mut self.0 else {
            return;
        };
        match place {
            Place::At(range) => record.remove_range(&range),
            Place::Next(count) if record.behind != u64::MAX => {
                record.behind = record.behind.saturating_sub(count);
            }
            Place::Next(_) | Place::Unknown => {}
        }
        record.forget_if_whole();
    }

    /// The file ends at `size` now: nobody misses what was behind.
    pub(crate) fn cut(&mut self, size: u64) {
        if let Some(record) = &mut self.0 {
            record.remove_range(&(size..u64::MAX));
            record.forget_if_whole();
        }
    }

    /// # Errors
    ///
    /// The last error, if nobody has been told.
    pub(crate) fn tell_once(&mut self) -> io::Result<()> {
        let untold = self.0.as_mut().and_then(|record| record.untold.take());
        untold.map_or(Ok(()), Err)
    }

    /// # Errors
    ///
    /// As [`tell_once`](Self::tell_once), and the last error again while something is lost (L1).
    pub(crate) fn tell(&mut self) -> io::Result<()> {
        self.tell_once()?;
        self.look()
    }

    /// Like [`tell`](Self::tell), for somebody who does not count as told.
    ///
    /// # Errors
    ///
    /// The last error while something is lost.
    pub(crate) fn look(&self) -> io::Result<()> {
        self.kept().map_or(Ok(()), |kept| Err(kept.error()))
    }
}

impl Record {
    /// Joins what the range touches (L3).
    fn add_range(&mut self, mut range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        self.ranges.retain(|it| {
            let is_apart = it.end < range.start || range.end < it.start;
            if !is_apart {
                range = range.start.min(it.start)..range.end.max(it.end);
            }
            is_apart
        });
        let at = self.ranges.partition_point(|it| it.start < range.start);
        self.ranges.insert(at, range);
        if self.ranges.len() > MOST_RANGES {
            let gap = |at: &usize| self.ranges[at + 1].start - self.ranges[*at].end;
            let least = (0..self.ranges.len() - 1).min_by_key(gap).unwrap_or(0);
            self.ranges[least].end = self.ranges[least + 1].end;
            self.ranges.remove(least + 1);
        }
    }

    fn remove_range(&mut self, gone: &Range<u64>) {
        let mut left = Vec::with_capacity(self.ranges.len() + 1);
        for it in self.ranges.drain(..) {
            let before = it.start..it.end.min(gone.start);
            let after = it.start.max(gone.end)..it.end;
            left.extend([before, after].into_iter().filter(|it| !it.is_empty()));
        }
        // A split may make one too many: added again, they obey L3.
        left.into_iter().for_each(|it| self.add_range(it));
    }

    fn forget_if_whole(&mut self) {
        if self.ranges.is_empty() && self.behind == 0 {
            self.kept = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    fn range() -> impl Strategy<Value = Range<u64>> {
        (0..60_u64, 0..12_u64).prop_map(|(start, len)| start..start + len)
    }

    #[derive(Clone, Debug)]
    enum Op {
        Add(Range<u64>),
        Written(Range<u64>),
        Cut(u64),
    }

    proptest! {
        /// L1, L3: against a set of bytes, with fewer ranges than are joined.
        #[test]
        fn an_error_stays_until_all_bytes_are_written_again(
            ops in proptest::collection::vec(
                prop_oneof![
                    range().prop_map(Op::Add),
                    range().prop_map(Op::Written),
                    (0..70_u64).prop_map(Op::Cut),
                ],
                0..60,
            ),
        ) {
            let (mut lost, mut oracle) = (Lost::default(), BTreeSet::new());
            for op in ops {
                match op {
                    Op::Add(range) => {
                        lost.add(full(), Place::At(range.clone()));
                        oracle.extend(range);
                    }
                    Op::Written(range) => {
                        lost.written(Place::At(range.clone()));
                        oracle.retain(|it| !range.contains(it));
                    }
                    Op::Cut(size) => {
                        lost.cut(size);
                        oracle.retain(|it| *it < size);
                    }
                }
                let ranges = lost.0.as_ref().map(|it| it.ranges.clone()).unwrap_or_default();
                let found: Vec<u64> = ranges.iter().cloned().flatten().collect();
                prop_assert_eq!(found, oracle.iter().copied().collect::<Vec<_>>());
                prop_assert!(ranges.windows(2).all(|it| it[0].end < it[1].start), "L3");
                prop_assert_eq!(lost.look().is_err(), !oracle.is_empty());
                prop_assert_eq!(lost.is_empty(), oracle.is_empty());
            }
        }
    }

    #[test]
    fn too_many_gaps_count_as_one_and_none_is_forgotten() {
        let mut lost = Lost::default();
        let at = |number: u64| number * 10..number * 10 + 1;
        for number in 0..100 {
            lost.add(full(), Place::At(at(number)));
            assert!(lost.0.as_ref().unwrap().ranges.len() <= MOST_RANGES);
        }
        for number in 0..100 {
            assert!(lost.look().is_err());
            lost.written(Place::At(at(number)));
        }
        assert!(lost.look().is_err(), "what lies between counts too");
        lost.written(Place::At(0..1_000));
        assert!(lost.look().is_ok());
    }

    #[test]
    fn an_error_is_told_to_a_writer_once_and_to_a_flush_each_time() {
        let mut lost = Lost::default();
        assert!(lost.tell().is_ok());
        lost.add(io::Error::from_raw_os_error(5), Place::Next(10));
        assert_eq!(lost.look().unwrap_err().raw_os_error(), Some(5));
        assert_eq!(lost.tell_once().unwrap_err().raw_os_error(), Some(5));
        assert!(lost.tell_once().is_ok());
        for _ in 0..3 {
            assert_eq!(lost.tell().unwrap_err().raw_os_error(), Some(5));
        }
        lost.written(Place::Next(9));
        assert!(lost.tell().is_err());
        lost.written(Place::Next(9));
        assert!(lost.tell().is_ok());
        // L2: also if the bytes do not matter any more.
        lost.add(io::Error::other("of its own"), Place::At(5..6));
        lost.cut(5);
        assert_eq!(lost.tell_once().unwrap_err().to_string(), "of its own");
        assert!(lost.tell().is_ok());
        lost.add(io::Error::other("of its own"), Place::Unknown);
        lost.cut(0);
        lost.written(Place::Next(u64::MAX));
        lost.written(Place::At(0..u64::MAX));
        assert_eq!(lost.tell().unwrap_err().to_string(), "of its own");
        assert_eq!(lost.tell().unwrap_err().to_string(), "of its own");
    }
}
