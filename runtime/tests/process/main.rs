//! Commands and children.

mod command;
mod faults;
#[path = "../support/mod.rs"]
mod support;
