//! The service: accepts connections, serves each in a task of its own, ends gracefully.

use crate::hash::{CancelOnDrop, hash};
use crate::session::Session;
use crate::store::Store;
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use runtime::time::{self, Instant};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How many connections are served at once; one more is told to come back.
const SEATS: u32 = 10_000;
/// How many `HASH` requests compute at once. The others wait: without a bound each would have a
/// thread of its own.
const HASHES_AT_ONCE: usize = 4;

/// How long things may take.
pub(crate) struct Limits {
    /// A connection without a line.
    pub(crate) idle: Duration,
    /// A `HASH`.
    pub(crate) request: Duration,
    /// A client that does not read its answers.
    pub(crate) write: Duration,
}

pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    stopping: AtomicBool,
    stopped: Notify,
    seats: Arc<Semaphore>,
    hashes: Semaphore,
    pub(crate) requests: AtomicU64,
    pub(crate) swept: AtomicU64,
}

impl Server {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
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
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stopped.notify_waiters();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop_asked(&self) {
        // Made before the flag is read, so that a `stop` in between is not missed.
        let stopped = self.stopped.notified();
        if !self.is_stopping() {
            stopped.await;
        }
    }

    pub(crate) fn connections(&self) -> usize {
        SEATS as usize - self.seats.available_permits()
    }

    /// Waits until every connection has ended.
    pub(crate) async fn drained(&self) {
        let all = self.seats.acquire_many(SEATS).await;
        drop(all.expect("the seats are never closed"));
    }

    /// Accepts connections until `stop`; returns with the listener closed.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
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
    pub(crate) async fn sweep_forever(self: Arc<Self>, period: Duration) {
        let mut ticks = time::interval(period);
        loop {
            let now = ticks.tick().await;
            let removed = self.store.sweep(now) as u64;
            self.swept.fetch_add(removed, Ordering::Relaxed);
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, seat: OwnedSemaphorePermit) {
        // An error means that the client is gone: nobody is left to be told.
        let _ = Session::new(&self, stream).run().await;
        drop(seat);
    }

    /// Answers `HASH`.
    pub(crate) async fn hash(&self, key: &str, rounds: u64) -> String {
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
            Err(_) => format!(
                "ERR timed out after {:?}: ask for fewer rounds",
                self.limits.request
            ),
        }
    }

    /// Answers `STATS`.
    pub(crate) fn stats(&self) -> String {
        let metrics = runtime::Handle::current().metrics();
        let polls: u64 = (0..metrics.num_workers())
            .map(|w| metrics.worker_poll_count(w))
            .sum();
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
