//! The service: accepts connections, serves each in a task of its own, ends gracefully.

use crate::hash::{CancelOnDrop, hash};
use crate::lines::{Line, Lines};
use crate::protocol::{self, Command, Refusal};
use crate::store::Store;
use runtime::io::AsyncWriteExt;
use runtime::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use runtime::time::{self, Instant};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How many connections are served at once; one more is told to come back.
const SEATS: u32 = 10_000;
/// How many `HASH` requests compute at once. The others wait: without a bound each would have a
/// thread of its own.
const HASHES_AT_ONCE: usize = 4;
/// Answers are sent when no further line is here, or when they are this many bytes.
const FLUSH_AT: usize = 16 * 1024;

/// How long things may take.
pub struct Limits {
    /// A connection without a line.
    pub idle: Duration,
    /// A `HASH`.
    pub request: Duration,
    /// A client that does not read its answers.
    pub write: Duration,
}

pub struct Server {
    store: Store,
    limits: Limits,
    stopping: AtomicBool,
    stopped: Notify,
    seats: Arc<Semaphore>,
    hashes: Semaphore,
    pub requests: AtomicU64,
    pub swept: AtomicU64,
}

/// What the session does after an answer.
enum Next {
    Continue,
    Close,
}

impl Server {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            store: Store::default(),
            limits,
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
            seats: Arc::new(Semaphore::new(SEATS as usize)),
            hashes: Semaphore::new(HASHES_AT_ONCE),
            requests: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        })
    }

    /// Asks the server to stop. Requests under way are finished.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stopped.notify_waiters();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    async fn stop_asked(&self) {
        // Made before the flag is read, so that a `stop` in between is not missed.
        let stopped = self.stopped.notified();
        if !self.is_stopping() {
            stopped.await;
        }
    }

    pub fn connections(&self) -> usize {
        SEATS as usize - self.seats.available_permits()
    }

    /// Waits until every connection has ended.
    pub async fn drained(&self) {
        let all = self.seats.acquire_many(SEATS).await;
        drop(all.expect("the seats are never closed"));
    }

    /// Accepts connections until `stop`; returns with the listener closed.
    pub async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = runtime::select! {
                accepted = listener.accept() => accepted,
                () = self.stop_asked() => return,
            };
            match accepted {
                Ok((stream, _)) => match self.seats.clone().try_acquire_owned() {
                    Ok(seat) => drop(runtime::spawn(self.clone().serve(stream, seat))),
                    Err(_) => refuse(&stream),
                },
                // A peer that hung up again, or no file descriptors left: both pass.
                Err(error) => {
                    eprintln!("accepting a connection failed, trying again: {error}");
                    time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Removes expired keys for ever. To be aborted.
    pub async fn sweep_forever(self: Arc<Self>, period: Duration) {
        let mut ticks = time::interval(period);
        loop {
            let now = ticks.tick().await;
            let removed = self.store.sweep(now) as u64;
            self.swept.fetch_add(removed, Ordering::Relaxed);
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, seat: OwnedSemaphorePermit) {
        // An error means that the client is gone: nobody is left to be told.
        let _ = self.session(stream).await;
        drop(seat);
    }

    async fn session(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let mut session = Session { server: self, lines: Lines::new(read), write, out: Vec::new() };
        session.run().await?;
        session.send().await?;
        session.write.shutdown().await?;
        // Closing with unread input would reset the connection and destroy the last answer.
        let _ = time::timeout(Duration::from_secs(1), session.lines.skip_all()).await;
        Ok(())
    }

    async fn hash(&self, key: &str, rounds: u64) -> String {
        let Some(value) = self.store.get(key, Instant::now()) else {
            return "NIL".into();
        };
        let work = async {
            let _turn = self.hashes.acquire().await.expect("never closed");
            let cancelled = Arc::new(AtomicBool::new(false));
            let _guard = CancelOnDrop(cancelled.clone());
            runtime::spawn_blocking(move || hash(&value, rounds, &cancelled)).await
        };
        match time::timeout(self.limits.request, work).await {
            Ok(Ok(Some(hash))) => format!("HASH {hash:016x}"),
            Ok(_) => "ERR hash failed: try again".into(),
            Err(_) => format!("ERR timed out after {:?}: ask for fewer rounds", self.limits.request),
        }
    }

    fn stats(&self) -> String {
        let metrics = runtime::Handle::current().metrics();
        let polls: u64 = (0..metrics.num_workers()).map(|w| metrics.worker_poll_count(w)).sum();
        format!(
            "STATS connections={} requests={} keys={} workers={} tasks={} polls={polls} \
             blocking_threads={}",
            self.connections(),
            self.requests.load(Ordering::Relaxed),
            self.store.len(),
            metrics.num_workers(),
            metrics.num_alive_tasks(),
            metrics.num_blocking_threads(),
        )
    }
}

/// Tells a client that there is no seat, as far as that goes without waiting.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(b"ERR server full: try again later\n");
}

struct Session<'a> {
    server: &'a Server,
    lines: Lines<OwnedReadHalf>,
    write: OwnedWriteHalf,
    /// Answers that have not been sent.
    out: Vec<u8>,
}

impl Session<'_> {
    /// Answers lines until one side has had enough.
    async fn run(&mut self) -> io::Result<()> {
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

fn done(result: Result<impl Into<String>, crate::store::Refused>) -> String {
    result.map_or_else(|refused| refused.to_string(), Into::into)
}
