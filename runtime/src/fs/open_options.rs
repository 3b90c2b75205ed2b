//! [`OpenOptions`]: how to open a file.

use super::File;
use super::files::cached::{self, Tries};
use super::files::{Attempt, try_or_offload};
use std::fs;
use std::io;
use std::path::Path;

/// How to open a file. See [`std::fs::OpenOptions`] for what the options mean together.
///
/// ```no_run
/// use runtime::fs::OpenOptions;
///
/// # async fn example() -> std::io::Result<()> {
/// let log = OpenOptions::new().append(true).create(true).open("log.txt").await?;
/// # drop(log);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    std: fs::OpenOptions,
    /// What std does not show.
    set: Set,
}

/// Which options are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Nothing,
    /// To read an existing file, and nothing else.
    Reading,
    Other,
}

impl OpenOptions {
    /// With nothing set.
    pub fn new() -> Self {
        Self {
            std: fs::OpenOptions::new(),
            set: Set::Nothing,
        }
    }

    /// Sets whether to read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.set = match (self.set, read) {
            (Set::Other, _) => Set::Other,
            (_, true) => Set::Reading,
            (_, false) => Set::Nothing,
        };
        self.std.read(read);
        self
    }

    /// Sets whether to write.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.other(|std| std.write(write))
    }

    /// Sets whether to write at the end, wherever it is then.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.other(|std| std.append(append))
    }

    /// Sets whether to empty the file.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.other(|std| std.truncate(truncate))
    }

    /// Sets whether to create the file if there is none.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.other(|std| std.create(create))
    }

    /// Sets whether to create the file, and to fail if there is one.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.other(|std| std.create_new(create_new))
    }

    /// Sets the permissions of a file that is created, from which the process's mask is taken
    /// away. Default: `0o666`.
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.other(|std| std::os::unix::fs::OpenOptionsExt::mode(std, mode))
    }

    /// Sets further flags of the system's call.
    #[cfg(unix)]
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.other(|std| std::os::unix::fs::OpenOptionsExt::custom_flags(std, flags))
    }

    /// Sets the access to ask for, in place of that which the other options mean.
    #[cfg(windows)]
    pub fn access_mode(&mut self, access: u32) -> &mut Self {
        self.other(|std| std::os::windows::fs::OpenOptionsExt::access_mode(std, access))
    }

    /// Sets what others may do with the file meanwhile.
    #[cfg(windows)]
    pub fn share_mode(&mut self, share: u32) -> &mut Self {
        self.other(|std| std::os::windows::fs::OpenOptionsExt::share_mode(std, share))
    }

    /// Sets further flags of the system's call.
    #[cfg(windows)]
    pub fn custom_flags(&mut self, flags: u32) -> &mut Self {
        self.other(|std| std::os::windows::fs::OpenOptionsExt::custom_flags(std, flags))
    }

    /// Sets the attributes of a file that is created.
    #[cfg(windows)]
    pub fn attributes(&mut self, attributes: u32) -> &mut Self {
        self.other(|std| std::os::windows::fs::OpenOptionsExt::attributes(std, attributes))
    }

    /// Sets what a server may do in this process's name.
    #[cfg(windows)]
    pub fn security_qos_flags(&mut self, flags: u32) -> &mut Self {
        self.other(|std| std::os::windows::fs::OpenOptionsExt::security_qos_flags(std, flags))
    }

    fn other(
        &mut self,
        set: impl FnOnce(&mut fs::OpenOptions) -> &mut fs::OpenOptions,
    ) -> &mut Self {
        self.set = Set::Other;
        set(&mut self.std);
        self
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// - `NotFound`: there is no such file, and none was to be created.
    /// - `AlreadyExists`: there is one, and a new one was asked for.
    /// - `InvalidInput`: the options do not fit together.
    /// - Whatever else the system says.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// The file may be created or emptied after the future is dropped.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let (owned, options) = (path.to_owned(), self.std.clone());
        let at_once = || match self.set {
            Set::Nothing | Set::Other => Attempt::MightBlock,
            Set::Reading => match cached::open(path) {
                Attempt::Done(file) => {
                    Attempt::Done(file.map(|it| File::with(it, Tries::opened_at_once())))
                }
                Attempt::MightBlock => Attempt::MightBlock,
            },
        };
        try_or_offload(at_once, move || options.open(owned).map(File::from_std)).await
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<fs::OpenOptions> for OpenOptions {
    fn from(std: fs::OpenOptions) -> Self {
        Self {
            std,
            set: Set::Other,
        }
    }
}
