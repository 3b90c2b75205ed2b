//! [`DirBuilder`]: how to create a directory.

use super::files::offload;
use std::io;
use std::path::Path;

/// How to create a directory.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// runtime::fs::DirBuilder::new().recursive(true).create("a/b/c").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    #[cfg(unix)]
    mode: Option<u32>,
}

impl DirBuilder {
    /// Creates one directory, with the permissions that the system gives.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether those that are to hold it are created too, and whether it is no error if it is
    /// there. Default: no.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// Sets the permissions, from which the process's mask is taken away. Default: `0o777`.
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Creates a directory.
    ///
    /// # Errors
    ///
    /// There is one already, there is none to hold it, or whatever the system says.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may be done after the future is dropped.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(self.recursive);
        #[cfg(unix)]
        if let Some(mode) = self.mode {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        }
        offload(move || builder.create(path)).await
    }
}
