//! Files and directories.

mod file;
#[path = "../support/mod.rs"]
mod support;
mod tree;
