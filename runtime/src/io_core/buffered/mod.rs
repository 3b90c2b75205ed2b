//! Buffers around readers and writers, so that small operations cost few large ones.

mod reader;
mod stream;
mod writer;

pub use self::reader::BufReader;
pub use self::stream::BufStream;
pub use self::writer::BufWriter;
