//! What the tests share; each binary uses its part.
#![allow(dead_code, unused_imports, unused_macros)]

mod bounds;
mod child;
mod directory;
mod drops;
mod panics;
mod polling;
mod runtimes;
mod streams;

pub(crate) use self::bounds::*;
pub(crate) use self::child::*;
pub(crate) use self::directory::*;
pub(crate) use self::drops::*;
pub(crate) use self::panics::*;
pub(crate) use self::polling::*;
pub(crate) use self::runtimes::*;
pub(crate) use self::streams::*;
