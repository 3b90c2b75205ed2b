//! How late sleeps end on a machine that does nothing else: `lateness [--rounds N]`.
//!
//! In a round each runtime in turn is started, and tasks of it sleep again and again for mixed
//! times of 1 to 20 ms; the table has the median and the 99th percentile over all rounds. A crowd
//! of tasks shows whether sleeps that end close together are still on time.

use std::env;
use std::process;
use std::time::{Duration, Instant};

use crate::contest::{Contestant, contestants};
use crate::peers::Peer;

/// How many tasks sleep at a time, and how many times each of them does.
const CROWDS: [(u64, u64); 3] = [(1, 40), (10, 40), (1_000, 10)];
const SHORTEST_US: u64 = 1_000;
const LONGEST_US: u64 = 20_000;

/// Measures all runtimes and prints the table.
pub fn main() {
    let rounds = rounds(env::args().skip(1)).unwrap_or_else(|problem| {
        eprintln!("{problem}; usage: lateness [--rounds N]");
        process::exit(2);
    });
    println!("{rounds} rounds; lateness of sleeps of 1 to 20 ms in µs");
    println!(
        "{:<8}{:>8}{:>10}{:>10}{:>10}{:>10}",
        "tasks", "runtime", "sleeps", "median", "99 %", "most"
    );
    for (tasks, sleeps) in CROWDS {
        for (contestant, late) in measure(rounds, tasks, sleeps) {
            println!(
                "{tasks:<8}{:>8}{:>10}{:>10.0}{:>10.0}{:>10.0}",
                contestant.name,
                late.len(),
                micros(percentile(&late, 50)),
                micros(percentile(&late, 99)),
                micros(percentile(&late, 100)),
            );
        }
    }
}

fn rounds(arguments: impl IntoIterator<Item = String>) -> Result<usize, String> {
    let mut rounds = 5;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => {
                let value = arguments.next().and_then(|value| value.parse().ok());
                rounds = value
                    .filter(|&value| value > 0)
                    .ok_or("--rounds needs a number above 0")?;
            }
            "--bench" => {} // Cargo passes it.
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(rounds)
}

/// Every sleep's lateness, sorted, per runtime.
fn measure(rounds: usize, tasks: u64, sleeps: u64) -> Vec<(Contestant, Vec<Duration>)> {
    let mut columns: Vec<_> = contestants()
        .into_iter()
        .filter_map(|contestant| Some((contestant.lateness?, contestant, Vec::new())))
        .collect();
    for round in 0..rounds {
        for turn in 0..columns.len() {
            let who = (round + turn) % columns.len();
            let (lateness, _, late) = &mut columns[who];
            late.extend(lateness(tasks, sleeps));
        }
    }
    let sorted = columns.into_iter().map(|(_, contestant, mut late)| {
        late.sort_unstable();
        (contestant, late)
    });
    sorted.collect()
}

/// The lateness of each of `tasks * sleeps` sleeps on a fresh runtime.
pub(crate) fn of<P: Peer>(tasks: u64, sleeps: u64) -> Vec<Duration> {
    let peer = P::start();
    peer.run_task(async move {
        let sleeper = |task| P::spawn(sleep_again_and_again::<P>(task, sleeps));
        let tasks: Vec<_> = (0..tasks).map(sleeper).collect();
        let mut late = Vec::new();
        for task in tasks {
            late.extend(task.await);
        }
        late
    })
}

async fn sleep_again_and_again<P: Peer>(task: u64, sleeps: u64) -> Vec<Duration> {
    let mut late = Vec::with_capacity(sleeps as usize);
    for number in 0..sleeps {
        let duration = nth_duration(task * sleeps + number);
        let start = Instant::now();
        P::sleep(duration).await;
        let took = start.elapsed();
        late.push(took.checked_sub(duration).expect("no sleep ends early"));
    }
    late
}

/// Spread over the range without a pattern, the same for every runtime.
fn nth_duration(number: u64) -> Duration {
    // The golden ratio's multiples, modulo 1, fall evenly; to the microsecond, so that the
    // milliseconds of a coarse timer are hit at every phase.
    let spread = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let range = LONGEST_US - SHORTEST_US;
    Duration::from_micros(SHORTEST_US + ((spread * range) >> 32))
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len() - 1;
    sorted[last * percent / 100]
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fill_the_range() {
        let all: Vec<_> = (0..1_000)
            .map(|number| nth_duration(number).as_micros())
            .collect();
        assert!(all.iter().all(|us| (1_000..20_000).contains(us)));
        for ms in 1..20 {
            assert!(all.iter().any(|us| us / 1_000 == ms), "no sleep of {ms} ms");
        }
    }

    #[test]
    fn percentiles_are_taken_of_what_was_seen() {
        let sorted: Vec<_> = (1..=101).map(Duration::from_micros).collect();
        assert_eq!(micros(percentile(&sorted, 50)), 51.0);
        assert_eq!(micros(percentile(&sorted, 99)), 100.0);
        assert_eq!(micros(percentile(&sorted, 100)), 101.0);
    }

    #[test]
    fn every_sleep_of_every_runtime_is_counted() {
        let mut counted = 0;
        for contestant in contestants() {
            if let Some(lateness) = contestant.lateness {
                assert_eq!(lateness(3, 2).len(), 6, "{}", contestant.name);
                counted += 1;
            }
        }
        assert_eq!(counted, 3);
    }

    #[test]
    fn bad_arguments_are_refused() {
        let parse = |line: &str| rounds(line.split_whitespace().map(str::to_owned));
        assert_eq!(parse("--bench --rounds 3"), Ok(3));
        for line in ["--rounds", "--rounds 0", "--rounds x", "echo"] {
            assert!(parse(line).is_err(), "{line} was accepted");
        }
    }
}
