//! Systems that cannot be asked whether a file operation would block: every one is offloaded.

use super::Attempt;
use crate::io_core::ReadBuf;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

pub(in crate::fs) fn open(_path: &Path) -> Attempt<io::Result<File>> {
    Attempt::MightBlock
}

pub(in crate::fs) fn read_whole(_path: &Path) -> Attempt<io::Result<Vec<u8>>> {
    Attempt::MightBlock
}

pub(in crate::fs) fn metadata(_path: &Path, _follow: bool) -> Attempt<io::Result<Metadata>> {
    Attempt::MightBlock
}

/// Whether reads of a file may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fs) struct Tries;

impl Tries {
    pub(in crate::fs) fn unknown() -> Self {
        Self
    }

    pub(in crate::fs) fn opened_at_once() -> Self {
        Self
    }

    pub(in crate::fs) fn read(
        &mut self,
        _file: &File,
        _into: &mut ReadBuf<'_>,
    ) -> Attempt<io::Result<()>> {
        Attempt::MightBlock
    }

    pub(in crate::fs) fn seek(
        &mut self,
        _file: &File,
        _to: io::SeekFrom,
    ) -> Attempt<io::Result<u64>> {
        Attempt::MightBlock
    }

    pub(in crate::fs) fn metadata(_file: &File) -> Attempt<io::Result<Metadata>> {
        Attempt::MightBlock
    }
}
