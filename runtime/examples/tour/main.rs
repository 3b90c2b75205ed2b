//! cargo run --release --example tour
//!
//! A tour of the runtime: a key-value service over TCP, hundreds of clients that check every
//! answer, and the things that go wrong in practice. `--help` lists what else it can do.
//!
//! | file | what |
//! |---|---|
//! | `tour` | the order of events, progress, the table of results |
//! | `server`, `session` | accepting, one connection, time-outs, graceful stop |
//! | `protocol`, `lines`, `store`, `hash` | the parts that know no socket |
//! | `client`, `load`, `checks` | a client, the load with its model, the special cases |
//! | `latency`, `counters` | quantiles, the runtime's own counters |
//! | `interrupt` | Ctrl-C |

#![forbid(unsafe_code)]

mod checks;
mod client;
mod counters;
mod hash;
mod interrupt;
mod latency;
mod lines;
mod load;
mod protocol;
mod server;
mod session;
mod store;
mod tour;

use runtime::net::TcpListener;
use server::{Limits, Server};
use std::env;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: tour [--seconds N] | tour --listen ADDRESS:PORT | tour --help";

const HELP: &str = "\
A tour of the runtime: a key-value service over TCP and clients that check its answers.

  tour                      serve, load and check for some seconds; print a table of results
  tour --seconds N          the same with N seconds of load, 1 to 600 (default: 4)
  tour --listen 127.0.0.1:7000
                            serve until Ctrl-C; try `nc 127.0.0.1 7000` and type HELP

The exit code is 0 if every answer was right, 1 if not, and 2 for bad arguments.
With cargo: cargo run --release --example tour -- --listen 127.0.0.1:7000";

#[derive(Debug, PartialEq, Eq)]
enum Mode {
    Tour(Duration),
    Listen(String),
    Help,
}

fn parse(arguments: &[&str]) -> Result<Mode, String> {
    match arguments {
        [] => Ok(Mode::Tour(Duration::from_secs(4))),
        ["--help" | "-h"] => Ok(Mode::Help),
        ["--seconds", seconds] => match seconds.parse() {
            Ok(seconds @ 1..=600) => Ok(Mode::Tour(Duration::from_secs(seconds))),
            _ => Err(format!(
                "--seconds takes a number from 1 to 600, not {seconds:?}"
            )),
        },
        ["--listen", address] => Ok(Mode::Listen((*address).to_owned())),
        [flag @ ("--seconds" | "--listen")] => Err(format!("{flag} needs a value")),
        [first, ..] => Err(format!("cannot make sense of {first:?} here")),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os()
        .skip(1)
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match parse(&arguments) {
        Ok(Mode::Tour(load)) => tour::run(load),
        Ok(Mode::Listen(address)) => listen(address),
        Ok(Mode::Help) => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => {
            eprintln!("tour: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("tour: {error}");
        ExitCode::FAILURE
    })
}

/// Serves until Ctrl-C.
#[runtime::main]
async fn listen(address: String) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(&address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("listening on {address}: {error}"))
    })?;
    let limits = Limits {
        idle: Duration::from_secs(60),
        request: Duration::from_secs(5),
        write: Duration::from_secs(10),
    };
    let server = Server::new(limits);
    println!("listening on {}; Ctrl-C stops", listener.local_addr()?);
    // A function with arguments is blocked on; the service runs in tasks, on the workers.
    let acceptor = runtime::spawn(server.clone().accept(listener));
    let sweeper = runtime::spawn(server.clone().sweep_forever(Duration::from_secs(1)));

    interrupt::interrupted().await?;
    println!(
        "\nstopping: {} connections finish their requests",
        server.connections()
    );
    server.stop();
    acceptor.await?;
    server.drained().await;
    sweeper.abort();
    println!(
        "stopped after {} requests",
        server.requests.load(std::sync::atomic::Ordering::Relaxed)
    );
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        assert_eq!(parse(&[]), Ok(Mode::Tour(Duration::from_secs(4))));
        assert_eq!(
            parse(&["--seconds", "9"]),
            Ok(Mode::Tour(Duration::from_secs(9)))
        );
        assert_eq!(
            parse(&["--listen", "[::1]:7"]),
            Ok(Mode::Listen("[::1]:7".into()))
        );
        assert_eq!(parse(&["-h"]), Ok(Mode::Help));
        for bad in [
            &["--fast"][..],
            &["--seconds"],
            &["--seconds", "0"],
            &["--listen"],
            &["-h", "x"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
