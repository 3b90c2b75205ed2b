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
//!
//! # How the end of a child is seen
//!
//! By a descriptor of the process where the system has them (Linux from 5.3 on) and no sandbox
//! refuses them; else by `SIGCHLD`, whose handler is installed at the first wait. If the program
//! replaces that handler, or blocks the signal in all threads, the end is seen later, by a quarter of
//! the time for which the child was waited for, and by a second at most. If it ignores the signal,
//! or asks for no zombies (`SA_NOCLDWAIT`), the system reaps by itself: waiting ends with `ECHILD`.
//!
//! # Forks
//!
//! A child belongs to the process that spawned it. If that one forks, waiting for a copy of the
//! [`Child`] in the fork is an error (`ECHILD`), and dropping it neither kills nor reaps.
//!
//! How it is made: `docs/design/process.md`.

mod child;
mod command;
mod output;
mod stdio;
pub(crate) mod unix;

pub use self::child::Child;
pub use self::command::Command;
pub use self::stdio::{ChildStderr, ChildStdin, ChildStdout};
