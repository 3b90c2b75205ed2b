//! Children of this process.

pub use ::runtime::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
