//! The table of paired rounds: within a round the runtimes take turns on the same row, so that a
//! machine that is slow for a moment is slow for all of them, and ratios are taken per round.
//!
//! For each row and runtime one untimed session finds how many iterations fill a round. A round
//! starts the runtime, warms it up, times it and stops it. Figures are medians over the rounds;
//! `/best` is the ratio to the strongest of the other runtimes, without the floors. Who has none of
//! the rows that were asked for has no column.

use std::env;
use std::io::Write as _;
use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::contest::{Contestant, Entry, Kind, contestants};

/// No session takes this long: a lost wake-up is reported instead of hanging for ever.
const SESSION_LIMIT: Duration = Duration::from_secs(60);

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    rounds: usize,
    round: Duration,
    filters: Vec<String>,
}

impl Options {
    fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 7,
            round: Duration::from_millis(120),
            filters: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64, String> {
                let value = arguments.next().and_then(|value| value.parse().ok());
                value
                    .filter(|&value| value > 0)
                    .ok_or(format!("{argument} needs a number above 0"))
            };
            match argument.as_str() {
                "--rounds" => options.rounds = number()? as usize,
                "--ms" => options.round = Duration::from_millis(number()?),
                "--bench" => {} // Cargo passes it.
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                filter => options.filters.push(filter.to_owned()),
            }
        }
        Ok(options)
    }

    fn selects(&self, id: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| id.contains(filter))
    }
}

/// Runs the comparison that the command line asks for and prints it.
pub fn main() {
    let options = Options::parse(env::args().skip(1)).unwrap_or_else(|problem| {
        eprintln!("{problem}; usage: paired [filter…] [--rounds N] [--ms PER_ROUND]");
        process::exit(2);
    });
    let mut contestants = contestants();
    contestants.retain(|it| it.entries.iter().any(|row| options.selects(row.id)));
    if contestants.is_empty() {
        eprintln!("no row has any of {:?} in its name", options.filters);
        process::exit(2);
    }
    thread::spawn(watch_sessions);
    println!(
        "{} rounds of about {:?} per runtime",
        options.rounds, options.round
    );
    println!(
        "ns per operation; ratios under 1: {} is faster",
        contestants[0].name
    );
    print_header(&contestants);
    for row in &contestants[0].entries {
        if options.selects(row.id) {
            let columns = measure(row.id, &contestants, &options);
            print_row(row.id, &contestants, &columns);
        }
    }
}

/// What one runtime showed on one row.
#[derive(Debug, Default)]
struct Column {
    /// Nanoseconds per operation, one figure per round.
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

/// Measures a row; `None` for a runtime that lacks it.
fn measure(id: &str, contestants: &[Contestant], options: &Options) -> Vec<Option<Column>> {
    let plans: Vec<_> = contestants
        .iter()
        .map(|it| {
            let entry = it.entry(id)?;
            Some((it.name, entry, Plan::find(it.name, entry, options.round)))
        })
        .collect();
    let mut columns: Vec<_> = plans
        .iter()
        .map(|plan| plan.as_ref().map(|_| Column::default()))
        .collect();
    for round in 0..options.rounds {
        for turn in 0..plans.len() {
            // Each round begins with another runtime: nobody always runs in the wake of the same.
            let who = (round + turn) % plans.len();
            if let (Some((name, entry, plan)), Some(column)) = (&plans[who], &mut columns[who]) {
                let (wall, cpu) = plan.run(name, entry);
                column.wall.push(wall);
                column.cpu.push(cpu);
            }
        }
    }
    columns
}

/// How many iterations one runtime makes per round on one row.
#[derive(Debug)]
struct Plan {
    warm_up: u64,
    timed: u64,
}

impl Plan {
    /// Doubles the iterations until they take a noticeable part of a round, then scales up.
    fn find(name: &str, entry: &Entry, round: Duration) -> Self {
        let _limit = SessionLimit::begin(name, entry.id);
        let mut session = entry.start();
        session.run(1); // A cold first iteration would make the plan too short.
        let mut iterations = 1;
        let took = loop {
            let took = session.run(iterations).wall;
            if took >= round / 5 {
                break took;
            }
            iterations *= 2;
        };
        let timed = iterations as f64 * (round.as_secs_f64() / took.as_secs_f64());
        let timed = (timed as u64).max(1);
        // One iteration that fills a round warms itself up.
        let warm_up = if timed == 1 { 0 } else { (timed / 10).max(1) };
        Self { warm_up, timed }
    }

    /// Nanoseconds per operation: wall and CPU time.
    fn run(&self, name: &str, entry: &Entry) -> (f64, f64) {
        let _limit = SessionLimit::begin(name, entry.id);
        let mut session = entry.start();
        if self.warm_up > 0 {
            session.run(self.warm_up);
        }
        let sample = session.run(self.timed);
        let operations = (self.timed * entry.operations) as f64;
        let per_operation = |time: Duration| time.as_nanos() as f64 / operations;
        (per_operation(sample.wall), per_operation(sample.cpu))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

/// Median over the rounds of `mine / theirs`.
fn median_ratio(mine: &[f64], theirs: &[f64]) -> f64 {
    median(
        mine.iter()
            .zip(theirs)
            .map(|(mine, theirs)| mine / theirs)
            .collect(),
    )
}

fn print_header(contestants: &[Contestant]) {
    let (first, others) = contestants.split_first().expect("somebody takes part");
    print!("{:<32}", "row");
    for contestant in contestants {
        print!("{:>10}", contestant.name);
    }
    for other in others {
        print!("{:>14}", format!("{}/{}", first.name, other.name));
    }
    print!("{:>8}", "/best");
    for contestant in contestants {
        print!("{:>12}", format!("cpu {}", contestant.name));
    }
    println!("{:>10}", "cpu /best");
}

fn print_row(id: &str, contestants: &[Contestant], columns: &[Option<Column>]) {
    let (first, others) = columns.split_first().expect("somebody takes part");
    let first = first.as_ref().expect("the first has every row");
    let ratios = |of: fn(&Column) -> &Vec<f64>| -> Vec<Option<f64>> {
        others
            .iter()
            .map(|other| Some(median_ratio(of(first), of(other.as_ref()?))))
            .collect()
    };
    let is_runtime = |other: &Contestant| other.kind == Kind::Runtime;
    let worst = |ratios: &[Option<f64>]| {
        let of_runtimes = contestants[1..].iter().zip(ratios);
        of_runtimes
            .filter(|(other, _)| is_runtime(other))
            .filter_map(|(_, ratio)| *ratio)
            .reduce(f64::max)
    };
    let wall_ratios = ratios(|column| &column.wall);
    let cpu_ratios = ratios(|column| &column.cpu);
    let medians = |of: fn(&Column) -> &Vec<f64>| -> Vec<Option<f64>> {
        columns
            .iter()
            .map(|column| Some(median(of(column.as_ref()?).clone())))
            .collect()
    };
    print!("{id:<32}");
    for figure in medians(|column| &column.wall) {
        print!("{:>10}", cell(figure, 0));
    }
    for ratio in &wall_ratios {
        print!("{:>14}", cell(*ratio, 2));
    }
    print!("{:>8}", cell(worst(&wall_ratios), 2));
    for figure in medians(|column| &column.cpu) {
        print!("{:>12}", cell(figure, 0));
    }
    println!("{:>10}", cell(worst(&cpu_ratios), 2));
    std::io::stdout().flush().expect("stdout is open");
}

/// A figure, or a dash for a runtime that lacks the row.
fn cell(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.decimals$}"))
}

/// The session that runs now: what it is and since when.
static RUNNING: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// Names the running session for [`watch_sessions`] until dropped.
struct SessionLimit;

impl SessionLimit {
    fn begin(name: &str, id: &str) -> Self {
        *RUNNING.lock().expect("not poisoned") = Some((format!("{id}/{name}"), Instant::now()));
        Self
    }
}

impl Drop for SessionLimit {
    fn drop(&mut self) {
        // Also while a scenario's panic unwinds: a second panic here would hide it.
        if let Ok(mut running) = RUNNING.lock() {
            *running = None;
        }
    }
}

/// Ends the process when a session exceeds its limit.
fn watch_sessions() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let running = RUNNING.lock().expect("not poisoned");
        if let Some((what, since)) = &*running {
            if since.elapsed() > SESSION_LIMIT {
                eprintln!("{what} did not finish within {SESSION_LIMIT:?}: a lost wake-up?");
                process::exit(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn filters_select_by_substring() {
        let options = parse("--bench spawn/ echo --rounds 5").unwrap();
        assert_eq!(options.rounds, 5);
        assert!(options.selects("spawn/chain/1000"));
        assert!(options.selects("net/tcp_echo/64"));
        assert!(!options.selects("yield/lone/1000"));
        assert!(parse("").unwrap().selects("yield/lone/1000"));
    }

    #[test]
    fn unknown_options_and_bad_numbers_are_refused() {
        for line in ["--fast", "--rounds", "--rounds x", "--rounds 0", "--ms -1"] {
            assert!(parse(line).is_err(), "{line} was accepted");
        }
    }

    #[test]
    fn median_takes_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_missing_figure_is_a_dash() {
        assert_eq!(cell(Some(1.26), 1), "1.3");
        assert_eq!(cell(None, 1), "-");
    }

    /// A round that is slow for both leaves the ratio as it is.
    #[test]
    fn ratio_is_taken_within_a_round() {
        let ratio = median_ratio(&[10.0, 100.0, 11.0], &[20.0, 200.0, 22.0]);
        assert!((ratio - 0.5).abs() < 1e-9);
    }
}
