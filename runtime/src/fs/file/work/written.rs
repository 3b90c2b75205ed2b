//! What became of the bytes of one job, and where they are or should be.

use super::super::{buffer::Buffer, sys};
use crate::io_core::lost::Place;
use std::fs::File;
use std::io::{self, Seek};

/// What became of accepted bytes.
#[derive(Debug)]
pub(super) struct Written {
    /// Those that were written; nowhere in particular if nobody asked for it.
    pub(super) done: Place,
    pub(super) lost: Option<(io::Error, Place)>,
}

impl Written {
    /// None of `count`, because of `error`.
    pub(super) fn none(error: io::Error) -> Self {
        Self {
            done: Place::Next(0),
            lost: Some((error, Place::Unknown)),
        }
    }

    /// Writes all of the buffer; finds out where that was if something went wrong, or if
    /// `must_know`.
    pub(super) fn by_writing(buffer: &mut Buffer, file: &File, must_know: bool) -> Self {
        let len = buffer.len();
        let (count, result) = buffer.write_to(file);
        if result.is_ok() && !must_know {
            return Self {
                done: Place::Next(0),
                lost: None,
            };
        }
        let position = position(file);
        let (done, left) = (bytes(count), bytes(len - count));
        let place_of = |from: Option<u64>, count: u64| match from {
            Some(from) => Place::At(from..from.saturating_add(count)),
            None => Place::Next(count),
        };
        Self {
            done: place_of(position.map(|it| it.saturating_sub(done)), done),
            lost: result.err().map(|error| (error, place_of(position, left))),
        }
    }
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The position, if the next write goes there and can be made again: not in a stream or a device,
/// and not at the end of a file that is only appended to.
fn position(mut file: &File) -> Option<u64> {
    let has_places = file.metadata().is_ok_and(|it| it.is_file()) && !sys::is_appended_to(file);
    has_places.then(|| file.stream_position().ok())?
}
