//! Everything from a reader to a writer.

mod bidirectional;
mod buffer;
mod copy_buf;
mod one_way;

pub use self::bidirectional::{copy_bidirectional, copy_bidirectional_with_sizes};
pub use self::copy_buf::copy_buf;
pub use self::one_way::copy;
