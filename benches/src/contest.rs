//! The runtimes that take part, with their types erased outside the timed code.

use std::fmt;
use std::time::Duration;

use crate::floor;
use crate::lateness;
use crate::peers::{self, Peer};
use crate::sample::Sample;
use crate::scenarios::Scenario;

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A runtime.
    Runtime,
    /// What the system alone costs: not to be beaten, and no match for the ratio to the best.
    Floor,
}

/// Somebody who takes part.
#[derive(Debug)]
pub struct Contestant {
    /// Column title.
    pub name: &'static str,
    /// Whether it is a runtime.
    pub kind: Kind,
    /// Its scenarios. The first contestant has them all; another may lack what its runtime does
    /// not offer.
    pub entries: Vec<Entry>,
    /// How late each sleep was: so many tasks, so many sleeps of each, on a fresh runtime. A floor
    /// has none.
    pub lateness: Option<fn(u64, u64) -> Vec<Duration>>,
}

/// One scenario of one contestant.
pub struct Entry {
    /// `area/what/variant`.
    pub id: &'static str,
    /// Operations in one iteration.
    pub operations: u64,
    start: Box<dyn Fn() -> Box<dyn Session>>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).finish()
    }
}

impl Entry {
    pub(crate) fn new(
        id: &'static str,
        operations: u64,
        start: impl Fn() -> Box<dyn Session> + 'static,
    ) -> Self {
        Self {
            id,
            operations,
            start: Box::new(start),
        }
    }

    /// Starts a fresh runtime; dropping the session stops it.
    #[must_use]
    pub fn start(&self) -> Box<dyn Session> {
        (self.start)()
    }
}

/// A started runtime, ready to run its scenario.
pub trait Session {
    /// Runs and times so many iterations.
    fn run(&mut self, iterations: u64) -> Sample;
}

struct Running<P> {
    peer: P,
    run: fn(&P, u64) -> Sample,
}

impl<P: Peer> Session for Running<P> {
    fn run(&mut self, iterations: u64) -> Sample {
        (self.run)(&self.peer, iterations)
    }
}

impl Contestant {
    /// Enters a runtime with its scenarios.
    pub(crate) fn of<P: Peer>(scenarios: Vec<Scenario<P>>) -> Self {
        let to_entry = |scenario: Scenario<P>| {
            Entry::new(scenario.id, scenario.operations, move || {
                Box::new(Running {
                    peer: P::start(),
                    run: scenario.run,
                })
            })
        };
        Self {
            name: P::NAME,
            kind: Kind::Runtime,
            entries: scenarios.into_iter().map(to_entry).collect(),
            lateness: Some(lateness::of::<P>),
        }
    }

    /// Its entry in a row, if it has one.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

/// Everyone who takes part; the first is the one that is judged, the floors come last.
#[must_use]
pub fn contestants() -> Vec<Contestant> {
    let mut all = peers::contestants();
    all.extend(floor::contestants());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scenario completes on every runtime (a lost wake-up hangs here).
    #[test]
    fn every_scenario_completes_on_every_runtime() {
        for contestant in contestants() {
            for entry in &contestant.entries {
                eprintln!("{}/{}", entry.id, contestant.name);
                assert!(!entry.start().run(1).wall.is_zero());
            }
        }
    }

    /// The rows are those of the first, which is compared with somebody in each.
    #[test]
    fn the_first_contestant_has_every_row() {
        let contestants = contestants();
        let (first, others) = contestants.split_first().unwrap();
        for other in others {
            for entry in &other.entries {
                let row = first.entry(entry.id).expect("a row of the first");
                assert_eq!(row.operations, entry.operations);
            }
        }
        for row in &first.entries {
            let mut runtimes = others.iter().filter(|it| it.kind == Kind::Runtime);
            assert!(runtimes.any(|other| other.entry(row.id).is_some()));
        }
    }
}
