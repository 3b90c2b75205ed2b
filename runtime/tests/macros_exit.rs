//! What a process with `#[runtime::main]` exits with and prints. The test starts itself once per
//! case: with a case named in the environment its `main` is that case's.

#![allow(clippy::unit_arg)] // the argument is what `main` returned, whatever it is

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::thread;

const CASE: &str = "RUNTIME_MAIN_CASE";

/// What a case must end with: exit code, a part of standard output, a part of standard error.
struct Expected {
    case: &'static str,
    code: i32,
    stdout: &'static str,
    stderr: &'static str,
}

const CASES: [Expected; 7] = [
    Expected {
        case: "unit",
        code: 0,
        stdout: "on a worker",
        stderr: "",
    },
    Expected {
        case: "error",
        code: 1,
        stdout: "",
        stderr: "Error: ParseIntError",
    },
    Expected {
        case: "exit_code",
        code: 42,
        stdout: "",
        stderr: "",
    },
    Expected {
        case: "panic",
        code: 101,
        stdout: "unwound",
        stderr: "as asked",
    },
    Expected {
        case: "blocked_on",
        code: 0,
        stdout: "on the main thread",
        stderr: "",
    },
    Expected {
        case: "not_send",
        code: 7,
        stdout: "on the main thread",
        stderr: "",
    },
    Expected {
        case: "one_worker",
        code: 0,
        stdout: "on the main thread",
        stderr: "",
    },
];

fn say_where() {
    let place = match thread::current().name() {
        Some("main") => "on the main thread",
        _ => "on a worker",
    };
    println!("{place}");
}

mod unit {
    #[runtime::main(worker_threads = 2)]
    pub(super) async fn main() {
        runtime::task::yield_now().await;
        super::say_where();
    }
}

mod error {
    use super::*;

    #[runtime::main(worker_threads = 2)]
    pub(super) async fn main() -> Result<(), Box<dyn Error>> {
        runtime::task::yield_now().await;
        let _: u32 = "not a number".parse()?;
        Ok(())
    }
}

mod exit_code {
    use super::*;

    #[runtime::main(worker_threads = 2)]
    pub(super) async fn main() -> ExitCode {
        // `block_in_place` works in the body, wherever it runs.
        runtime::task::block_in_place(|| ExitCode::from(42))
    }
}

mod panic {
    /// Seen when the stack above the body unwinds.
    struct OnUnwind;

    impl Drop for OnUnwind {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("unwound");
            }
        }
    }

    #[runtime::main(worker_threads = 2, root = "spawn")]
    async fn body() {
        runtime::task::yield_now().await;
        panic!("as asked");
    }

    pub(super) fn main() {
        let _guard = OnUnwind;
        body();
    }
}

mod blocked_on {
    #[runtime::main(worker_threads = 2, root = "block_on")]
    pub(super) async fn main() {
        runtime::task::yield_now().await;
        super::say_where();
    }
}

mod not_send {
    use super::*;
    use std::rc::Rc;

    #[runtime::main(worker_threads = 2)]
    pub(super) async fn main() -> ExitCode {
        let code = Rc::new(ExitCode::from(7));
        runtime::task::yield_now().await;
        say_where();
        *code
    }
}

mod one_worker {
    #[runtime::main(worker_threads = 1)]
    pub(super) async fn main() {
        runtime::task::yield_now().await;
        super::say_where();
    }
}

/// Runs the case in this process.
fn run(case: &str) -> ExitCode {
    let succeeded = |()| ExitCode::SUCCESS;
    match case {
        "unit" => succeeded(unit::main()),
        "error" => error::main(),
        "exit_code" => exit_code::main(),
        "panic" => succeeded(panic::main()),
        "blocked_on" => succeeded(blocked_on::main()),
        "not_send" => not_send::main(),
        "one_worker" => succeeded(one_worker::main()),
        other => panic!("no case {other}"),
    }
}

/// Runs the case in a process of its own. Returns what differs from what is expected.
fn check(expected: &Expected) -> Result<(), Box<dyn Error>> {
    let output = Command::new(env::current_exe()?)
        .env(CASE, expected.case)
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let agrees = output.status.code() == Some(expected.code)
        && stdout.contains(expected.stdout)
        && stderr.contains(expected.stderr);
    match agrees {
        true => Ok(()),
        false => Err(format!(
            "{}, expected exit code {}, {:?} and {:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            output.status, expected.code, expected.stdout, expected.stderr
        )
        .into()),
    }
}

fn main() -> ExitCode {
    if let Ok(case) = env::var(CASE) {
        return run(&case);
    }
    let mut code = ExitCode::SUCCESS;
    for expected in &CASES {
        match check(expected) {
            Ok(()) => println!("main {} ... ok", expected.case),
            Err(problem) => {
                println!("main {} ... FAILED: {problem}", expected.case);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
