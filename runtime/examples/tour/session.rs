//! One connection: lines in, answers out, until one side has had enough.

use crate::lines::{Line, Lines};
use crate::protocol::{self, Command, Refusal};
use crate::server::Server;
use crate::store::Refused;
use runtime::io::AsyncWriteExt;
use runtime::net::TcpStream;
use runtime::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use runtime::time::{self, Instant};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Answers are sent when no further line is here, or when they are this many bytes.
const FLUSH_AT: usize = 16 * 1024;

/// What the session does after an answer.
enum Next {
    Continue,
    Close,
}

/// A connection and what has not been sent to it.
pub(crate) struct Session<'a> {
    server: &'a Server,
    lines: Lines<OwnedReadHalf>,
    write: OwnedWriteHalf,
    /// Answers that have not been sent.
    out: Vec<u8>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(server: &'a Server, stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        Self {
            server,
            lines: Lines::new(read),
            write,
            out: Vec::new(),
        }
    }

    /// Serves the connection and closes it.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        self.serve().await?;
        self.send().await?;
        self.write.shutdown().await?;
        // Closing with unread input would reset the connection and destroy the last answer.
        let _ = time::timeout(Duration::from_secs(1), self.lines.skip_all()).await;
        Ok(())
    }

    /// Answers lines until one side has had enough.
    async fn serve(&mut self) -> io::Result<()> {
        loop {
            if !self.lines.has_line() || self.out.len() > FLUSH_AT {
                self.send().await?;
            }
            let idle = self.server.limits.idle;
            let line = runtime::select! {
                biased;
                line = self.lines.next() => line?,
                () = self.server.stop_asked() => {
                    self.say("ERR server is stopping: connect again later");
                    return Ok(());
                }
                () = time::sleep(idle) => {
                    self.say(&format!("ERR idle for {idle:?}: connect again"));
                    return Ok(());
                }
            };
            let next = match line {
                Line::End => return Ok(()),
                Line::Endless => {
                    self.say(&Refusal::TooLong.to_string());
                    return Ok(());
                }
                Line::TooLong => {
                    self.say(&Refusal::TooLong.to_string());
                    Next::Continue
                }
                Line::Text(line) => self.answer(&line).await?,
            };
            self.server.requests.fetch_add(1, Ordering::Relaxed);
            match next {
                Next::Close => return Ok(()),
                Next::Continue if self.server.is_stopping() && !self.lines.has_line() => {
                    self.say("ERR server is stopping: connect again later");
                    return Ok(());
                }
                Next::Continue => {}
            }
        }
    }

    async fn answer(&mut self, line: &[u8]) -> io::Result<Next> {
        let store = &self.server.store;
        let now = Instant::now();
        let answer = match protocol::parse(line) {
            Err(refusal) => refusal.to_string(),
            Ok(Command::Get(key)) => value_or_nil(store.get(key, now)),
            Ok(Command::Set(key, value)) => done(store.set(key, value).map(|()| "OK")),
            Ok(Command::Del(key)) => format!("INT {}", u8::from(store.del(key, now))),
            Ok(Command::Incr(key)) => done(store.incr(key, now).map(|n| format!("INT {n}"))),
            Ok(Command::Expire(key, after)) => {
                format!("INT {}", u8::from(store.expire(key, after, now)))
            }
            Ok(Command::Ttl(key)) => match store.ttl(key, now) {
                None => "NIL".into(),
                Some(None) => "OK does not expire".into(),
                Some(Some(left)) => format!("INT {}", left.as_millis()),
            },
            Ok(Command::Watch(key, limit)) => return self.watch(key, limit).await,
            Ok(Command::Hash(key, rounds)) => self.server.hash(key, rounds).await,
            Ok(Command::Stats) => self.server.stats(),
            Ok(Command::Help) => protocol::help(),
            Ok(Command::Quit) => {
                self.say("OK bye");
                return Ok(Next::Close);
            }
        };
        self.say(&answer);
        Ok(Next::Continue)
    }

    /// Answers twice: `WATCHING` at once, and what ended the watch.
    async fn watch(&mut self, key: &str, limit: Duration) -> io::Result<Next> {
        let store = &self.server.store;
        let watch = store.watch(key);
        let changed = watch.changed();
        self.say("WATCHING");
        self.send().await?;
        let answer = runtime::select! {
            () = changed => match store.get(key, Instant::now()) {
                Some(value) => format!("CHANGED {value}"),
                None => "CHANGED NIL".into(),
            },
            () = time::sleep(limit) => "TIMEOUT".into(),
            () = self.server.stop_asked() => "TIMEOUT".into(),
            // A client that speaks or hangs up does not wait any longer.
            read = self.lines.fill() => {
                read?;
                "TIMEOUT".into()
            }
        };
        self.say(&answer);
        Ok(Next::Continue)
    }

    fn say(&mut self, answer: &str) {
        self.out.extend_from_slice(answer.as_bytes());
        self.out.push(b'\n');
    }

    /// Sends the answers; a client that does not read them is given up.
    async fn send(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            time::timeout(self.server.limits.write, self.write.write_all(&self.out)).await??;
            self.out.clear();
        }
        Ok(())
    }
}

fn value_or_nil(value: Option<String>) -> String {
    value.map_or_else(|| "NIL".into(), |value| format!("VALUE {value}"))
}

fn done(result: Result<impl Into<String>, Refused>) -> String {
    result.map_or_else(|refused| refused.to_string(), Into::into)
}
