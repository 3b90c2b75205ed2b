//! Files and directories, without blocking the tasks.
//!
//! The functions are those of [`std::fs`], and do the same. The system has no calls for files
//! that wait like those for sockets, so each operation goes to a thread for blocking calls and
//! back, once. What the kernel answers from its caches is done at once instead (on Linux: reads
//! of cached contents, opening of and attributes of files with cached names).
//!
//! For many small reads or writes wrap a [`File`] into a `BufReader` or `BufWriter` of
//! [`io`](crate::io); to do many operations as one, use
//! [`spawn_blocking`](crate::task::spawn_blocking) and `std::fs`.
//!
//! ```
//! # #[runtime::main]
//! # async fn main() -> std::io::Result<()> {
//! # let path = std::env::temp_dir().join(format!("runtime-doc-fs-{}", std::process::id()));
//! runtime::fs::write(&path, "hello").await?;
//! assert_eq!(runtime::fs::read_to_string(&path).await?, "hello");
//! runtime::fs::remove_file(&path).await
//! # }
//! ```
//!
//! # Dropped futures
//!
//! An operation that has started is not taken back when its future is dropped: a file may be
//! created or removed after that.
//!
//! How it is made: `docs/design/fs.md`.

mod attributes;
mod contents;
mod dir_builder;
mod directories;
pub(crate) mod file;
mod files;
mod links;
mod open_options;
mod read_dir;

pub use self::attributes::{canonicalize, metadata, set_permissions, symlink_metadata, try_exists};
pub use self::contents::{copy, read, read_to_string, remove_file, rename, write};
pub use self::dir_builder::DirBuilder;
pub use self::directories::{create_dir, create_dir_all, remove_dir, remove_dir_all};
pub use self::file::File;
#[cfg(unix)]
pub use self::links::symlink;
pub use self::links::{hard_link, read_link};
#[cfg(windows)]
pub use self::links::{symlink_dir, symlink_file};
pub use self::open_options::OpenOptions;
pub use self::read_dir::{DirEntry, ReadDir, read_dir};
pub use std::fs::FileTimes;
