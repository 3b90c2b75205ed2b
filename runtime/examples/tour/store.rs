//! The data: a sharded map with expiry, and watches on its keys. Takes the time as an argument.
//!
//! Plain `std` locks: they are held for a few instructions and never across an `.await`. Watchers
//! are woken after unlocking, because waking runs code of others.

use runtime::sync::Notify;
use runtime::time::Instant;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SHARDS: usize = 16;
/// A client cannot fill the memory: 16 shards of this many keys.
const MAX_KEYS_PER_SHARD: usize = 1 << 16;

#[derive(Default)]
pub(crate) struct Store {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<String, Entry>,
    watches: HashMap<String, Arc<Notify>>,
}

struct Entry {
    value: String,
    deadline: Option<Instant>,
}

impl Entry {
    fn is_live(&self, now: Instant) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }
}

/// Why a change was refused. Displayed as the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    NotAnInteger,
    Overflow,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "ERR store full: DEL some keys or let them EXPIRE",
            Self::NotAnInteger => "ERR value is not an integer: SET the key to one first",
            Self::Overflow => "ERR value would exceed 64 bits: SET the key to a smaller one",
        })
    }
}

impl Store {
    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &str, now: Instant) -> Option<String> {
        let shard = self.shard(key);
        let entry = shard.entries.get(key).filter(|entry| entry.is_live(now))?;
        Some(entry.value.clone())
    }

    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), Refused> {
        let watch = {
            let mut shard = self.shard(key);
            shard.put(key, value.to_owned(), None)?;
            shard.watches.remove(key)
        };
        wake(watch);
        Ok(())
    }

    /// Returns whether the key was there.
    pub(crate) fn del(&self, key: &str, now: Instant) -> bool {
        let (entry, watch) = {
            let mut shard = self.shard(key);
            (shard.entries.remove(key), shard.watches.remove(key))
        };
        wake(watch);
        entry.is_some_and(|entry| entry.is_live(now))
    }

    /// Adds one to an integer; a key that is not there counts as 0. Keeps the expiry.
    pub(crate) fn incr(&self, key: &str, now: Instant) -> Result<i64, Refused> {
        let (number, watch) = {
            let mut shard = self.shard(key);
            let (old, deadline) = match shard.entries.get(key).filter(|entry| entry.is_live(now)) {
                Some(entry) => (
                    entry
                        .value
                        .parse::<i64>()
                        .map_err(|_| Refused::NotAnInteger)?,
                    entry.deadline,
                ),
                None => (0, None),
            };
            let number = old.checked_add(1).ok_or(Refused::Overflow)?;
            shard.put(key, number.to_string(), deadline)?;
            (number, shard.watches.remove(key))
        };
        wake(watch);
        Ok(number)
    }

    /// Returns whether the key is there.
    pub(crate) fn expire(&self, key: &str, after: Duration, now: Instant) -> bool {
        let mut shard = self.shard(key);
        let Some(entry) = shard
            .entries
            .get_mut(key)
            .filter(|entry| entry.is_live(now))
        else {
            return false;
        };
        entry.deadline = Some(now + after);
        true
    }

    /// What is left of the key's time: `None` without the key, `Some(None)` without an expiry.
    pub(crate) fn ttl(&self, key: &str, now: Instant) -> Option<Option<Duration>> {
        let shard = self.shard(key);
        let entry = shard.entries.get(key).filter(|entry| entry.is_live(now))?;
        Some(
            entry
                .deadline
                .map(|deadline| deadline.saturating_duration_since(now)),
        )
    }

    /// Removes what has expired, one shard at a time. Returns how many keys that were.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            let mut woken = Vec::new();
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let Shard { entries, watches } = &mut *shard;
            entries.retain(|key, entry| {
                let live = entry.is_live(now);
                if !live {
                    removed += 1;
                    woken.extend(watches.remove(key));
                }
                live
            });
            drop(shard);
            woken.into_iter().for_each(|watch| wake(Some(watch)));
        }
        removed
    }

    pub(crate) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entries
                .len()
        };
        self.shards.iter().map(len).sum()
    }

    /// Watches for the next change of the key from now on.
    pub(crate) fn watch<'a>(&'a self, key: &'a str) -> Watch<'a> {
        let notify = self
            .shard(key)
            .watches
            .entry(key.to_owned())
            .or_default()
            .clone();
        Watch {
            store: self,
            key,
            notify,
        }
    }
}

impl Shard {
    fn put(&mut self, key: &str, value: String, deadline: Option<Instant>) -> Result<(), Refused> {
        let entry = Entry { value, deadline };
        if let Some(old) = self.entries.get_mut(key) {
            *old = entry;
        } else if self.entries.len() == MAX_KEYS_PER_SHARD {
            return Err(Refused::Full);
        } else {
            self.entries.insert(key.to_owned(), entry);
        }
        Ok(())
    }
}

fn wake(watch: Option<Arc<Notify>>) {
    if let Some(watch) = watch {
        watch.notify_waiters();
    }
}

/// A watch on one key. Dropped, also by an abort, it leaves nothing behind.
pub(crate) struct Watch<'a> {
    store: &'a Store,
    key: &'a str,
    notify: Arc<Notify>,
}

impl Watch<'_> {
    /// Waits for a change after this call; made before the client is told, it misses none.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + use<'_> {
        self.notify.notified()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut shard = self.store.shard(self.key);
        let is_last = shard
            .watches
            .get(self.key)
            .is_some_and(|watch| Arc::ptr_eq(watch, &self.notify) && Arc::strong_count(watch) == 2);
        let last = is_last.then(|| shard.watches.remove(self.key));
        drop(shard);
        drop(last);
    }
}

#[cfg(test)]
mod tests;
