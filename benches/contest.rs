//! The runtimes that take part, with their types erased outside the timed code.

use crate::peers::{self, Peer, SyncPeer};
use crate::sample::Sample;
use crate::scenarios::{self, Scenario};

/// A runtime that takes part.
#[derive(Debug)]
pub struct Contestant {
    /// Column title.
    pub name: &'static str,
    /// Its scenarios: the same list for every contestant.
    pub entries: Vec<Entry>,
}

/// One scenario of one contestant.
#[derive(Debug)]
pub struct Entry {
    /// `area/what/variant`.
    pub id: &'static str,
    /// Operations in one iteration.
    pub operations: u64,
    start: fn(&'static str) -> Box<dyn Session>,
}

impl Entry {
    /// Starts a fresh runtime; dropping the session stops it.
    #[must_use]
    pub fn start(&self) -> Box<dyn Session> {
        (self.start)(self.id)
    }

    /// First part of the id.
    #[must_use]
    pub fn area(&self) -> &'static str {
        self.id
            .split('/')
            .next()
            .expect("split yields at least one part")
    }
}

/// A started runtime, ready to run its scenario.
pub trait Session {
    /// Runs and times so many iterations.
    fn run(&mut self, iterations: u64) -> Sample;
}

struct Running<P> {
    peer: P,
    scenario: Scenario<P>,
}

impl<P: Peer> Session for Running<P> {
    fn run(&mut self, iterations: u64) -> Sample {
        (self.scenario.run)(&self.peer, iterations)
    }
}

fn start<P: SyncPeer>(id: &'static str) -> Box<dyn Session> {
    let scenario = scenarios::all::<P>()
        .into_iter()
        .find(|scenario| scenario.id == id);
    Box::new(Running {
        peer: P::start(),
        scenario: scenario.expect("ids come from this list"),
    })
}

impl Contestant {
    /// Enters a runtime with all scenarios.
    pub(crate) fn of<P: SyncPeer>() -> Self {
        let to_entry = |scenario: Scenario<P>| Entry {
            id: scenario.id,
            operations: scenario.operations,
            start: start::<P>,
        };
        Self {
            name: P::NAME,
            entries: scenarios::all::<P>().into_iter().map(to_entry).collect(),
        }
    }
}

/// Everyone who takes part; the first is the one that is judged.
#[must_use]
pub fn contestants() -> Vec<Contestant> {
    peers::contestants()
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

    /// The table compares row by row, so all lists must be the same.
    #[test]
    fn all_contestants_run_the_same_rows() {
        let contestants = contestants();
        for other in &contestants[1..] {
            let ids = |contestant: &Contestant| -> Vec<_> {
                contestant
                    .entries
                    .iter()
                    .map(|entry| (entry.id, entry.operations))
                    .collect()
            };
            assert_eq!(ids(&contestants[0]), ids(other));
        }
    }
}
