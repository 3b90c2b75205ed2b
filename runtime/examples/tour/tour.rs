//! The tour itself: starts the server, loads it, runs the checks, stops it, prints what was seen.

use crate::checks::{self, Outcome};
use crate::client::Client;
use crate::counters::Counters;
use crate::load::{Load, Tally};
use crate::server::{Limits, Server};
use runtime::Builder;
use runtime::net::TcpListener;
use runtime::task::JoinHandle;
use runtime::time::{self, Instant};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const CLIENTS: u64 = 256;
const IDLE: Duration = Duration::from_secs(3);
const REQUEST: Duration = Duration::from_secs(3);

/// Rows of the result table: what, what was seen, whether it was right.
#[derive(Default)]
struct Table(Vec<(&'static str, String, bool)>);

impl Table {
    fn check(&mut self, what: &'static str, outcome: Outcome) {
        let right = outcome.is_ok();
        let seen = outcome.unwrap_or_else(|error| error.to_string());
        self.0.push((what, seen, right));
    }

    /// Prints the rows. Returns whether all were right.
    fn print(&self) -> bool {
        for (what, seen, right) in &self.0 {
            println!(
                "  {} {what:<18} {seen}",
                if *right { "ok   " } else { "WRONG" }
            );
        }
        self.0.iter().all(|(.., right)| *right)
    }
}

/// Makes a runtime, takes the tour on it, ends it, and reads what is left.
pub(crate) fn run(load_time: Duration) -> io::Result<ExitCode> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let metrics = runtime.metrics();
    println!(
        "A key-value service and {CLIENTS} clients that check its answers, on {} workers.\n",
        metrics.num_workers()
    );
    // In a task, not in `block_on`: what runs on a worker spawns and wakes without leaving it.
    let mut table = runtime.block_on(runtime.spawn(tour(load_time)))??;
    let counters = Counters::read(&metrics);

    let begun = Instant::now();
    drop(runtime);
    let left = (metrics.num_alive_tasks(), metrics.num_blocking_threads());
    let seen = format!(
        "{} tasks and {} blocking threads left, after {:.1?}",
        left.0,
        left.1,
        begun.elapsed()
    );
    table.check(
        "end of runtime",
        if left == (0, 0) {
            Ok(seen)
        } else {
            Err(seen.into())
        },
    );

    println!("\nResults");
    let right = table.print();
    println!("\nThe runtime's own counters");
    counters.print();
    println!(
        "\n{}",
        if right {
            "Every answer was right."
        } else {
            "Something was WRONG."
        }
    );
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn tour(load_time: Duration) -> io::Result<Table> {
    let server = Server::new(Limits {
        idle: IDLE,
        request: REQUEST,
        write: IDLE,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let acceptor = runtime::spawn(server.clone().accept(listener));
    let sweeper = runtime::spawn(server.clone().sweep_forever(Duration::from_millis(20)));

    let tally = Arc::new(Tally::default());
    let begun = Instant::now();
    let until = begun + load_time;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|id| {
            let tally = tally.clone();
            runtime::spawn(async move { Load::run(id, address, &tally, until).await })
        })
        .collect();
    let others: [(_, JoinHandle<Outcome>); 5] = [
        ("WATCH", runtime::spawn(checks::watches(address))),
        (
            "idle client",
            runtime::spawn(checks::idle_connection(address, IDLE)),
        ),
        (
            "slow request",
            runtime::spawn(checks::slow_request(address)),
        ),
        ("abort", runtime::spawn(checks::aborted_clients(address))),
        ("bad clients", runtime::spawn(checks::bad_clients(address))),
    ];
    let progress = runtime::spawn(progress(tally.clone(), begun));

    for client in clients {
        client.await?;
    }
    let elapsed = begun.elapsed();
    progress.abort();
    let mut table = Table::default();
    table.check("load", load_outcome(&tally, elapsed));
    for (what, check) in others {
        table.check(what, check.await?);
    }
    table.check("shared counter", shared_counter(address, &tally).await);

    let blocked = runtime::spawn(checks::blocked_worker(address));
    table.check("blocked worker", blocked.await?);

    let stopped = checks::graceful_stop(address, || server.stop()).await;
    table.check("graceful stop", stopped);
    acceptor.await?;
    server.drained().await;
    sweeper.abort();
    let swept = server.swept.load(Ordering::Relaxed);
    table.check(
        "expiry sweeper",
        match sweeper.await {
            Err(error) if error.is_cancelled() && swept > 0 => {
                Ok(format!("{swept} keys swept, then aborted"))
            }
            other => Err(format!("{swept} keys swept; ended with {other:?}").into()),
        },
    );
    Ok(table)
}

/// A line each half second, until aborted.
async fn progress(tally: Arc<Tally>, begun: Instant) {
    let mut ticks = time::interval_at(
        begun + Duration::from_millis(500),
        Duration::from_millis(500),
    );
    let (mut last, mut last_requests) = (begun, 0);
    loop {
        let now = ticks.tick().await;
        let requests = tally.requests.load(Ordering::Relaxed);
        let rate = (requests - last_requests) as f64 / (now - last).as_secs_f64();
        (last, last_requests) = (now, requests);
        let latencies = tally.latencies.take_into(&tally.total);
        println!(
            "{:>5.1} s {rate:>9.0} requests/s   p50 {:>6} µs   p99 {:>6} µs   wrong {}",
            (now - begun).as_secs_f64(),
            latencies.quantile(50),
            latencies.quantile(99),
            tally.wrong.load(Ordering::Relaxed),
        );
    }
}

fn load_outcome(tally: &Tally, elapsed: Duration) -> Outcome {
    tally.latencies.take_into(&tally.total);
    let requests = tally.requests.load(Ordering::Relaxed);
    if let Some(first) = tally.first_wrong() {
        let wrong = tally.wrong.load(Ordering::Relaxed);
        return Err(format!("{wrong} of {requests} answers wrong, the first: {first}").into());
    }
    Ok(format!(
        "{requests} answers checked, {} of them hashes; {:.0}/s, p50 {} µs, p99 {} µs",
        tally.hashes.load(Ordering::Relaxed),
        requests as f64 / elapsed.as_secs_f64(),
        tally.total.quantile(50),
        tally.total.quantile(99),
    ))
}

/// The counter that all clients incremented has the sum of what each did.
async fn shared_counter(address: SocketAddr, tally: &Tally) -> Outcome {
    let right = format!("VALUE {}", tally.shared.load(Ordering::Relaxed));
    let answer = Client::connect(address).await?.ask("GET shared").await?;
    match answer == right {
        true => Ok(format!("{answer}, as the clients counted")),
        false => Err(format!("expected {right:?}, got {answer:?}").into()),
    }
}
