//! Systems without `fork`. Same items as `forks`.

/// A process: there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessMark;

impl ProcessMark {
    pub(crate) fn current() -> Self {
        Self
    }
}
