//! Counts the system calls of one operation, per row and runtime.
//!
//! Runs this program again under `strace -c -f`, once with some iterations and once with three times
//! as many: what the second has more is what the iterations made, without set-up and end. The
//! command that it repeats:
//!
//! ```text
//! strace -c -f -o COUNTS calls --run ROW RUNTIME ITERATIONS
//! ```
//!
//! strace slows each call down, so that rows in which threads race (a stream, many connections on
//! two workers) are seen at another pace than without it. The counts are exact where it does not
//! matter who is first.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{self, Command};

use crate::contest::{Contestant, Entry, contestants};

/// Operations of the shorter run, about.
const OPERATIONS: u64 = 2_000;
/// Calls that fewer operations than one in so many make are noise: a clock, a thread that sleeps.
const RARE: f64 = 1.0 / 200.0;

/// Runs what the command line asks for.
pub fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--run", row, runtime, iterations] => match (find(row, runtime), iterations.parse()) {
            (Some(entry), Ok(iterations)) => {
                entry.start().run(iterations);
            }
            _ => usage(),
        },
        ref filters if filters.iter().any(|it| it.starts_with('-')) => usage(),
        ref filters => print_table(filters),
    }
}

fn usage() -> ! {
    eprintln!("usage: calls [filter…], or: calls --run ROW RUNTIME ITERATIONS");
    process::exit(2);
}

fn find(row: &str, runtime: &str) -> Option<Entry> {
    let named = |it: &Contestant| it.name == runtime;
    let contestant = contestants().into_iter().find(named)?;
    contestant.entries.into_iter().find(|it| it.id == row)
}

fn print_table(filters: &[&str]) {
    println!("| row | runtime | calls per operation | which |");
    println!("|---|---|---|---|");
    let contestants = contestants();
    for row in &contestants[0].entries {
        if !filters.is_empty() && !filters.iter().any(|it| row.id.contains(it)) {
            continue;
        }
        for contestant in &contestants {
            let Some(entry) = contestant.entry(row.id) else {
                continue;
            };
            let name = contestant.name;
            let counts = per_operation(entry, name);
            let sum: f64 = counts.values().sum();
            let which: Vec<_> = by_count(counts)
                .into_iter()
                .map(|(call, count)| format!("{call} {count:.2}"))
                .collect();
            println!("| {} | {name} | {sum:.2} | {} |", row.id, which.join(", "));
        }
    }
}

/// The dearest first.
fn by_count(counts: BTreeMap<String, f64>) -> Vec<(String, f64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.total_cmp(&a.1));
    counts
}

/// How often an operation makes which call.
fn per_operation(entry: &Entry, name: &str) -> BTreeMap<String, f64> {
    let few = (OPERATIONS / entry.operations).max(4);
    let many = 3 * few;
    let fewer = counted(entry.id, name, few);
    let operations = ((many - few) * entry.operations) as f64;
    counted(entry.id, name, many)
        .into_iter()
        .map(|(call, count)| {
            let other = fewer.get(&call).copied().unwrap_or(0);
            (call, (count as f64 - other as f64) / operations)
        })
        .filter(|(_, count)| *count >= RARE)
        .collect()
}

fn counted(row: &str, runtime: &str, iterations: u64) -> BTreeMap<String, u64> {
    let itself = env::current_exe().expect("this program has a path");
    let counts = env::temp_dir().join(format!("calls-{}", process::id()));
    let status = Command::new("strace")
        .args(["-c", "-f", "-o"])
        .arg(&counts)
        .arg(itself)
        .args(["--run", row, runtime, &iterations.to_string()])
        .status()
        .expect("strace can be started: is it installed?");
    assert!(status.success(), "{row}/{runtime} failed under strace");
    read_counts(&counts)
}

fn read_counts(file: &Path) -> BTreeMap<String, u64> {
    let table = fs::read_to_string(file).expect("strace wrote its table");
    fs::remove_file(file).expect("the table can be removed");
    parse(&table)
}

/// Name and number of calls from each line of strace's table, whose fourth column is the number
/// and whose last is the name.
fn parse(table: &str) -> BTreeMap<String, u64> {
    let parse_line = |line: &str| {
        let mut words = line.split_whitespace();
        let calls = words.nth(3)?.parse().ok()?;
        let name = words.next_back()?;
        (name != "total").then(|| (name.to_owned(), calls))
    };
    table.lines().filter_map(parse_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strace_tables_are_read_with_and_without_errors() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.90    0.004501          22       204           recvmsg
 38.10    0.002771          13       208        12 sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.007272          17       412        12 total
";
        let expected = [("recvmsg", 204), ("sendto", 208)].map(|(a, b)| (a.to_owned(), b));
        assert_eq!(parse(table), BTreeMap::from(expected));
    }

    #[test]
    fn a_row_is_found_by_its_name_and_its_runtime() {
        assert_eq!(find("net/udp_echo/1", "tokio").unwrap().operations, 1);
        assert!(find("net/udp_echo/1", "nobody").is_none());
        assert!(find("net/nothing", "ours").is_none());
    }
}
