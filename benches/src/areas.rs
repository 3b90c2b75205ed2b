//! The rows in criterion.

use std::time::Duration;

use criterion::Criterion;

use crate::contest::contestants;

/// Measures the scenarios that the command line selects for every runtime, as
/// `area/what/variant/runtime`.
///
/// Each benchmark has its own runtime, stopped before the next one starts.
pub fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let contestants = contestants();
    for row in &contestants[0].entries {
        for contestant in &contestants {
            let Some(entry) = contestant.entry(row.id) else {
                continue;
            };
            criterion.bench_function(&format!("{}/{}", entry.id, contestant.name), |bencher| {
                let mut session = entry.start();
                bencher.iter_custom(|iterations| session.run(iterations).wall);
            });
        }
    }
    criterion.final_summary();
}
