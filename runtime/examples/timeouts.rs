//! cargo run --example timeouts
//!
//! Four ways to stop waiting: a limit, a deadline for several steps, a race, and an abort.

use runtime::time::{self, Duration, Instant};

/// Work of so many steps, ten milliseconds each.
async fn work(name: &str, steps: u32) -> u32 {
    for step in 1..=steps {
        time::sleep(Duration::from_millis(10)).await;
        println!("  {name}: step {step} of {steps}");
    }
    steps
}

#[runtime::main]
async fn main() {
    println!("a limit: the work is dropped where it stands");
    match time::timeout(Duration::from_millis(35), work("limited", 10)).await {
        Ok(steps) => println!("  done in {steps} steps"),
        Err(error) => println!("  gave up: {error}"),
    }

    println!("one deadline for several steps: each has what the ones before left");
    let deadline = Instant::now() + Duration::from_millis(65);
    for name in ["first", "second", "third"] {
        if time::timeout_at(deadline, work(name, 3)).await.is_err() {
            println!("  no time left in {name}");
        }
    }

    println!("a race: the first one ready wins, the other is dropped");
    runtime::select! {
        _ = work("two steps", 2) => println!("  two steps won"),
        _ = work("four steps", 4) => println!("  four steps won"),
    }

    println!("an abort: a task ends at its next `.await`");
    let task = runtime::spawn(work("aborted", 100));
    time::sleep(Duration::from_millis(35)).await;
    task.abort();
    match task.await {
        Err(error) if error.is_cancelled() => println!("  cancelled, as asked"),
        other => println!("  ended with {other:?}"),
    }

    println!("what cannot be dropped: a blocking call runs to its end, wherever it runs");
    let blocking = runtime::spawn_blocking(|| std::thread::sleep(Duration::from_millis(50)));
    let waited = time::timeout(Duration::from_millis(10), blocking).await;
    println!(
        "  stopped waiting: {}; the runtime's end waits for it",
        waited.is_err()
    );
}
