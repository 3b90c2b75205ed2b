//! One timed section: wall time and the CPU time of the whole process.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a timed section cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Elapsed time.
    pub wall: Duration,
    /// CPU time of all threads of the process, user and system.
    pub cpu: Duration,
}

/// Two sections with something untimed in between.
impl AddAssign for Sample {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// A section being timed.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts to count.
    #[must_use]
    pub fn start() -> Self {
        // The CPU clock is a system call; the wall clock is read last, so it stays outside.
        let cpu = cpu_time();
        Self {
            wall: Instant::now(),
            cpu,
        }
    }

    /// Returns what passed since the start.
    #[must_use]
    pub fn stop(self) -> Sample {
        let wall = self.wall.elapsed();
        Sample {
            wall,
            cpu: cpu_time().saturating_sub(self.cpu),
        }
    }
}

/// CPU time used by this process since it began.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(now.tv_sec).expect("CPU time is not negative");
    let nanoseconds = u32::try_from(now.tv_nsec).expect("below one second");
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CPU time counts work, also that of other threads.
    #[test]
    fn cpu_time_counts_other_threads() {
        let watch = Stopwatch::start();
        let spin = || {
            let until = Instant::now() + Duration::from_millis(20);
            while Instant::now() < until {}
        };
        std::thread::spawn(spin).join().unwrap();
        let sample = watch.stop();
        assert!(sample.wall >= Duration::from_millis(20));
        assert!(sample.cpu > Duration::ZERO);
    }
}
