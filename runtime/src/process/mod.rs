//! Children of this process, waited for without blocking a thread.
//!
//! [`Command`] is std's builder, whose [`spawn`](Command::spawn) gives a [`Child`]: its exit is a
//! future, and its pipes are asynchronous.
//!
//! ```
//! use runtime::process::Command;
//!
//! # #[runtime::main]
//! # async fn main() -> std::io::Result<()> {
//! let output = Command::new("echo").arg("hello").output().await?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! # A child that is dropped
//!
//! A child goes on when its [`Child`] is dropped, unless
//! [`kill_on_drop`](Command::kill_on_drop) was set. In both cases the runtime takes its exit
//! status some time after it ended, so that it does not stay a zombie. To be sure when, call
//! [`Child::wait`].

mod child;
mod command;
mod output;
mod stdio;
pub(crate) mod unix;

pub use self::child::Child;
pub use self::command::Command;
pub use self::stdio::{ChildStderr, ChildStdin, ChildStdout};
