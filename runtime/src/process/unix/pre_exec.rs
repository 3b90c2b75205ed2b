//! The one option of a command that is unsafe.
#![allow(unsafe_code)]

use crate::process::Command;
use std::io;
use std::os::unix::process::CommandExt;

impl Command {
    /// Has the child call `f` after `fork` and before `exec`; its error is that of
    /// [`spawn`](Self::spawn). May be called several times.
    ///
    /// # Safety
    ///
    /// `f` runs in a copy of a process with several threads: it may only call what is
    /// async-signal-safe, and must neither allocate nor take a lock.
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise is the one that std asks for.
        unsafe { self.as_std_mut().pre_exec(f) };
        self
    }
}
