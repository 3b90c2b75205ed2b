//! A client: sends lines, waits for answers.

use runtime::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use runtime::net::TcpStream;
use runtime::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use std::io;
use std::net::SocketAddr;

/// A connection that sends lines and waits for their answers.
pub(crate) struct Client {
    pub(crate) read: BufReader<OwnedReadHalf>,
    pub(crate) write: OwnedWriteHalf,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        Ok(Self {
            read: BufReader::new(read),
            write,
        })
    }

    pub(crate) async fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        self.write.write_all(lines).await
    }

    /// The next answer; an error at the end of the stream.
    pub(crate) async fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.read.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> io::Result<String> {
        self.send(format!("{line}\n").as_bytes()).await?;
        self.answer().await
    }
}
