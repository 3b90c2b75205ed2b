//! The counters that every runtime keeps, as a table.

use runtime::runtime::RuntimeMetrics;

/// What the runtime counted, read before it ends.
pub(crate) struct Counters(Vec<(&'static str, String)>);

impl Counters {
    pub(crate) fn read(metrics: &RuntimeMetrics) -> Self {
        let workers = metrics.num_workers();
        let each = |count: fn(&RuntimeMetrics, usize) -> u64| {
            let counts: Vec<_> = (0..workers).map(|worker| count(metrics, worker)).collect();
            let list: Vec<_> = counts.iter().map(u64::to_string).collect();
            format!(
                "{:>10}   by worker: {}",
                counts.iter().sum::<u64>(),
                list.join(", ")
            )
        };
        Self(vec![
            ("polls", each(RuntimeMetrics::worker_poll_count)),
            ("parks", each(RuntimeMetrics::worker_park_count)),
            ("parks for nothing", each(RuntimeMetrics::worker_noop_count)),
            ("steals", each(RuntimeMetrics::worker_steal_operations)),
            ("tasks stolen", each(RuntimeMetrics::worker_steal_count)),
            (
                "queued by workers",
                each(RuntimeMetrics::worker_local_schedule_count),
            ),
            (
                "queued by others",
                format!("{:>10}", metrics.remote_schedule_count()),
            ),
            (
                "blocking threads",
                format!("{:>10}", metrics.num_blocking_threads()),
            ),
        ])
    }

    pub(crate) fn print(&self) {
        self.0
            .iter()
            .for_each(|(name, count)| println!("  {name:<18}{count}"));
    }
}
