//! The load: clients that check every answer against a model of their own.

use crate::client::Client;
use crate::hash::hash;
use crate::latency::Histogram;
use runtime::time::Instant;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What all clients found together.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    pub(crate) wrong: AtomicU64,
    /// Since the last line of progress, and before it.
    pub(crate) latencies: Histogram,
    pub(crate) total: Histogram,
    /// Increments of the counter that all clients share.
    pub(crate) shared: AtomicU64,
    pub(crate) hashes: AtomicU64,
    first_wrong: Mutex<Option<String>>,
}

impl Tally {
    pub(crate) fn wrong(&self, what: String) {
        self.wrong.fetch_add(1, Ordering::Relaxed);
        self.first_wrong.lock().unwrap().get_or_insert(what);
    }

    pub(crate) fn first_wrong(&self) -> Option<String> {
        self.first_wrong.lock().unwrap().clone()
    }
}

/// What a client knows of a key of its own. The server sets a deadline at some moment between
/// the question and the answer, so the client knows it up to that.
struct Known {
    value: String,
    /// When it expires, at the earliest and at the latest.
    expires: Option<(Instant, Instant)>,
}

/// One client of the load.
pub(crate) struct Load<'a> {
    id: u64,
    client: Client,
    tally: &'a Tally,
    known: HashMap<String, Known>,
    counter: u64,
    random: u64,
}

impl<'a> Load<'a> {
    /// Sends requests until the time is over, then says goodbye.
    pub(crate) async fn run(id: u64, address: SocketAddr, tally: &'a Tally, until: Instant) {
        let outcome = async {
            let client = Client::connect(address).await?;
            let random = (id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut load = Self {
                id,
                client,
                tally,
                known: HashMap::new(),
                counter: 0,
                random,
            };
            while Instant::now() < until {
                load.step().await?;
            }
            load.expect("QUIT", &["OK bye"]).await
        };
        if let Err(error) = outcome.await {
            tally.wrong(format!("client {id}: {error}"));
        }
    }

    /// xorshift: the same requests in each run.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) % below
    }

    async fn step(&mut self) -> io::Result<()> {
        let number = self.draw(8);
        let key = format!("c{}:{number}", self.id);
        match self.draw(1000) {
            0..450 => self.get(&key).await,
            450..750 => self.set(key).await,
            750..850 => self.increment().await,
            850..900 => self.delete(&key).await,
            900..940 => self.expire(&key).await,
            940..960 => {
                let (answer, ..) = self.ask("INCR shared").await?;
                self.tally.shared.fetch_add(1, Ordering::Relaxed);
                self.check("INCR shared", &answer, answer.starts_with("INT "));
                Ok(())
            }
            960..967 => self.hash(&key).await,
            _ => self.burst().await,
        }
    }

    /// Asks, and returns the answer and the time before and after.
    async fn ask(&mut self, line: &str) -> io::Result<(String, Instant, Instant)> {
        let sent = Instant::now();
        let answer = self.client.ask(line).await?;
        let received = Instant::now();
        self.tally.latencies.record(received - sent);
        Ok((answer, sent, received))
    }

    fn check(&self, line: &str, answer: &str, right: bool) {
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        if !right {
            self.tally.wrong(format!(
                "client {}: {line} was answered {answer:?}",
                self.id
            ));
        }
    }

    async fn expect(&mut self, line: &str, right: &[&str]) -> io::Result<()> {
        let (answer, ..) = self.ask(line).await?;
        self.check(line, &answer, right.contains(&&*answer));
        Ok(())
    }

    /// Forgets a key that expired before `sent`. Returns whether it may be there, and may not,
    /// for a request between the two moments.
    fn presence(&mut self, key: &str, sent: Instant, received: Instant) -> (bool, bool) {
        match self.known.get(key).map(|known| known.expires) {
            None => (false, true),
            Some(None) => (true, false),
            Some(Some((earliest, latest))) => {
                let (may_be, may_not) = (sent < latest, received >= earliest);
                if !may_be {
                    self.known.remove(key);
                }
                (may_be, may_not)
            }
        }
    }

    async fn get(&mut self, key: &str) -> io::Result<()> {
        let line = format!("GET {key}");
        let (answer, sent, received) = self.ask(&line).await?;
        let (may_be, may_not) = self.presence(key, sent, received);
        let is_value = |known: &Known| answer == format!("VALUE {}", known.value);
        let right =
            (may_be && self.known.get(key).is_some_and(is_value)) || (may_not && answer == "NIL");
        self.check(&line, &answer, right);
        Ok(())
    }

    async fn set(&mut self, key: String) -> io::Result<()> {
        let value = format!("value {} of {key}", self.draw(1 << 20));
        self.expect(&format!("SET {key} {value}"), &["OK"]).await?;
        self.known.insert(
            key,
            Known {
                value,
                expires: None,
            },
        );
        Ok(())
    }

    async fn increment(&mut self) -> io::Result<()> {
        self.counter += 1;
        let right = format!("INT {}", self.counter);
        self.expect(&format!("INCR c{}:counter", self.id), &[&right])
            .await
    }

    async fn delete(&mut self, key: &str) -> io::Result<()> {
        let line = format!("DEL {key}");
        let (answer, sent, received) = self.ask(&line).await?;
        let (may_be, may_not) = self.presence(key, sent, received);
        self.known.remove(key);
        self.check(
            &line,
            &answer,
            (may_be && answer == "INT 1") || (may_not && answer == "INT 0"),
        );
        Ok(())
    }

    async fn expire(&mut self, key: &str) -> io::Result<()> {
        let after = Duration::from_millis(1 + self.draw(40));
        let line = format!("EXPIRE {key} {}", after.as_millis());
        let (answer, sent, received) = self.ask(&line).await?;
        let (may_be, may_not) = self.presence(key, sent, received);
        self.check(
            &line,
            &answer,
            (may_be && answer == "INT 1") || (may_not && answer == "INT 0"),
        );
        match (self.known.get_mut(key), &*answer) {
            (Some(known), "INT 1") => known.expires = Some((sent + after, received + after)),
            _ => drop(self.known.remove(key)),
        }
        Ok(())
    }

    /// The server hashes on a blocking thread; so does the client, to compare.
    async fn hash(&mut self, key: &str) -> io::Result<()> {
        self.set(key.to_owned()).await?;
        let value = self.known[key].value.clone();
        let rounds = 1 + self.draw(50_000);
        let own = runtime::spawn_blocking(move || hash(&value, rounds, &AtomicBool::new(false)));
        let right = format!("HASH {:016x}", own.await?.expect("not cancelled"));
        self.tally.hashes.fetch_add(1, Ordering::Relaxed);
        self.expect(&format!("HASH {key} {rounds}"), &[&right])
            .await
    }

    /// Eight requests in one write: the answers come in their order.
    async fn burst(&mut self) -> io::Result<()> {
        let first = self.counter + 1;
        self.counter += 8;
        self.client
            .send(format!("INCR c{}:counter\n", self.id).repeat(8).as_bytes())
            .await?;
        for number in first..first + 8 {
            let answer = self.client.answer().await?;
            self.check(
                "INCR in a burst",
                &answer,
                answer == format!("INT {number}"),
            );
        }
        Ok(())
    }
}
