//! A redis-server as a child process, or a server of our own that knows the six commands which
//! `main.rs` sends.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

type Store = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

pub enum Server {
    Real(Child, u16),
    Own(JoinHandle<Result<()>>, u16),
}

pub async fn start() -> Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
    let found = Command::new("redis-server").arg("--version").output().await;
    if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(Server::Own(tokio::spawn(serve(listener)), port));
    }
    drop(listener);
    let child = command.stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let limit = Instant::now() + Duration::from_secs(20);
    while let Err(error) = TcpStream::connect(("127.0.0.1", port)).await {
        if Instant::now() > limit {
            return Err(error);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(Server::Real(child, port))
}

impl Server {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Real(..) => "redis-server",
            Self::Own(..) => "a server of its own (no redis-server on the PATH)",
        }
    }

    pub fn url(&self) -> String {
        let (Self::Real(_, port) | Self::Own(_, port)) = self;
        format!("redis://127.0.0.1:{port}/")
    }

    pub async fn stop(self) -> Result<()> {
        match self {
            Self::Real(mut child, _) => child.kill().await,
            Self::Own(task, _) => {
                task.abort();
                Ok(())
            }
        }
    }
}

async fn serve(listener: TcpListener) -> Result<()> {
    let store = Store::default();
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(answer(socket, Arc::clone(&store)));
    }
}

/// Answers are written out when no further command has come: so a pipeline costs one write.
async fn answer(mut socket: TcpStream, store: Store) -> Result<()> {
    let (read, write) = socket.split();
    let (mut read, mut write) = (BufReader::new(read), BufWriter::new(write));
    while let Some(command) = command(&mut read).await? {
        write.write_all(&execute(&command, &store)).await?;
        if read.buffer().is_empty() {
            write.flush().await?;
        }
    }
    Ok(())
}

/// An array of strings: `*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n`.
async fn command<R: AsyncBufReadExt + Unpin>(read: &mut R) -> Result<Option<Vec<Vec<u8>>>> {
    let Some(words) = length(read, '*').await? else {
        return Ok(None);
    };
    let mut command = Vec::with_capacity(words);
    for _ in 0..words {
        let length = length(read, '$').await?.ok_or(ErrorKind::UnexpectedEof)?;
        let mut word = vec![0; length + 2];
        read.read_exact(&mut word).await?;
        word.truncate(length);
        command.push(word);
    }
    Ok(Some(command))
}

async fn length<R: AsyncBufReadExt + Unpin>(read: &mut R, mark: char) -> Result<Option<usize>> {
    let mut line = String::new();
    if read.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let number = line
        .trim_end()
        .strip_prefix(mark)
        .and_then(|number| number.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, line))
}

fn execute(command: &[Vec<u8>], store: &Store) -> Vec<u8> {
    let mut store = store.lock().expect("nothing panics with it");
    let name = command[0].to_ascii_uppercase();
    match (name.as_slice(), &command[1..]) {
        (b"PING", []) => b"+PONG\r\n".to_vec(),
        (b"CLIENT", _) => b"+OK\r\n".to_vec(),
        (b"SET", [key, value]) => {
            store.insert(key.clone(), value.clone());
            b"+OK\r\n".to_vec()
        }
        (b"GET", [key]) => match store.get(key) {
            Some(value) => [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat(),
            None => b"$-1\r\n".to_vec(),
        },
        (b"INCR" | b"INCRBY", [key, by @ ..]) => {
            let stored = store.entry(key.clone()).or_insert_with(|| b"0".to_vec());
            let by = by.first().map_or(Some(1), |by| number(by));
            match number(stored).zip(by) {
                Some((old, by)) => {
                    *stored = (old + by).to_string().into_bytes();
                    format!(":{}\r\n", old + by).into_bytes()
                }
                None => b"-ERR value is not an integer or out of range\r\n".to_vec(),
            }
        }
        _ => b"-ERR unknown command\r\n".to_vec(),
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    str::from_utf8(digits).ok()?.parse().ok()
}
