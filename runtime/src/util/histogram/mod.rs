//! Into which bucket of a histogram a value goes: no counts, no clock, numbers only.
//!
//! Linear buckets have one width. Logarithmic ones cut each power of two into `2^precision` equal
//! parts, so that a value is known to within `2^-precision` of itself; the first bucket takes all
//! that is smaller than the smallest value of interest, the last all that is larger.
//!
//! Source: the H2 histogram of iop.systems, whose index is the leading bits of the value.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// What a builder starts with.
const SMALLEST: Duration = Duration::from_nanos(100);
const LARGEST: Duration = Duration::from_secs(60);
const PRECISION: u32 = 2;

/// A thousandth.
const HIGHEST_PRECISION: u32 = 10;

/// Linear or logarithmic, for the deprecated way to configure a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramScale {
    /// All buckets have one width.
    Linear,
    /// Each bucket is twice as wide as the one before.
    Log,
}

/// The buckets of a histogram of durations.
///
/// ```
/// use runtime::runtime::{Builder, HistogramConfiguration};
/// use std::time::Duration;
///
/// let buckets = HistogramConfiguration::linear(Duration::from_micros(50), 20);
/// let runtime = Builder::new_current_thread()
///     .enable_metrics_poll_time_histogram()
///     .metrics_poll_time_histogram_configuration(buckets)
///     .build()?;
/// assert_eq!(runtime.metrics().poll_time_histogram_num_buckets(), 20);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HistogramConfiguration {
    pub(crate) shape: Shape,
}

impl HistogramConfiguration {
    /// `num_buckets` buckets of one width; the last takes all that is larger, too.
    ///
    /// # Panics
    ///
    /// Panics if `bucket_width` is zero, or if there is not a bucket.
    #[track_caller]
    pub fn linear(bucket_width: Duration, num_buckets: usize) -> Self {
        Self {
            shape: Shape::linear(nanoseconds(bucket_width), num_buckets),
        }
    }

    /// Buckets that grow with the values, so that the error is in proportion to them.
    pub fn log(configuration: impl Into<LogHistogram>) -> Self {
        Self {
            shape: configuration.into().shape(),
        }
    }
}

/// The buckets of a histogram whose error is in proportion to the values.
///
/// The first bucket reaches from 0 to the smallest value of interest, the last one without end.
/// Default: 100 ns to 60 s with an error of at most a quarter, in 119 buckets.
///
/// ```
/// use runtime::runtime::LogHistogram;
/// use std::time::Duration;
///
/// let fine = LogHistogram::builder()
///     .max_error(0.01)
///     .min_value(Duration::from_micros(1))
///     .max_value(Duration::from_millis(10))
///     .max_buckets(2_000);
/// assert!(fine.is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHistogram {
    buckets: usize,
    precision: u32,
    /// The index, counted from the value 0, of the first bucket that is not put into bucket 0.
    first: usize,
}

impl LogHistogram {
    /// Says which values are of interest, and how exactly.
    pub fn builder() -> LogHistogramBuilder {
        LogHistogramBuilder::default()
    }

    /// The largest value, in nanoseconds, that does not go into the last bucket.
    pub fn max_value(&self) -> u64 {
        self.shape().start_of(self.buckets - 1) - 1
    }

    fn shape(self) -> Shape {
        Shape::Log(self)
    }

    /// From the bucket of `smallest` to that of `largest`, one below and one above.
    fn between(smallest: u64, largest: u64, precision: u32) -> Self {
        let first = index_of(smallest, precision);
        let last = index_of(largest.max(smallest), precision);
        // Below the last index of all there is always one more for what is above.
        let last = last.min(index_of(u64::MAX, precision) - 1).max(first);
        Self {
            buckets: last - first + 3,
            precision,
            first,
        }
    }
}

impl Default for LogHistogram {
    fn default() -> Self {
        LogHistogramBuilder::default().build()
    }
}

impl From<LogHistogramBuilder> for LogHistogram {
    fn from(builder: LogHistogramBuilder) -> Self {
        builder.build()
    }
}

/// Makes a [`LogHistogram`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LogHistogramBuilder {
    smallest: Option<Duration>,
    largest: Option<Duration>,
    precision: Option<u32>,
}

impl LogHistogramBuilder {
    /// Sets by how much of itself a value may be wrong: the precision is the smallest `p` for
    /// which `2^-p` is at most `max_error`. Default: 0.25.
    ///
    /// # Panics
    ///
    /// Panics unless `max_error` is above 0 and below 1, and if it needs a precision above 10.
    #[track_caller]
    pub fn max_error(self, max_error: f64) -> Self {
        assert!(max_error > 0.0, "max_error must be greater than 0");
        assert!(max_error < 1.0, "max_error must be less than 1");
        let fits = |precision: &u32| f64::from(*precision).exp2().recip() <= max_error;
        match (0..=HIGHEST_PRECISION).find(fits) {
            Some(precision) => self.precision_exact(precision),
            None => panic!(
                "max_error must be at least 2^-{HIGHEST_PRECISION}, or there are too many buckets"
            ),
        }
    }

    /// Sets into how many parts each power of two is cut: `2^p`.
    ///
    /// # Panics
    ///
    /// Panics if `p` is above 10.
    #[track_caller]
    pub fn precision_exact(mut self, p: u32) -> Self {
        assert!(
            p <= HIGHEST_PRECISION,
            "precision must be less than or equal to {HIGHEST_PRECISION}"
        );
        self.precision = Some(p);
        self
    }

    /// Sets the smallest value of interest; it is rounded down to where a bucket starts. Default:
    /// 100 ns.
    pub fn min_value(mut self, duration: Duration) -> Self {
        self.smallest = Some(duration);
        self
    }

    /// Sets the largest value of interest; it is rounded up to where a bucket ends. Default: 60 s.
    ///
    /// # Panics
    ///
    /// Panics if `duration` is zero.
    #[track_caller]
    pub fn max_value(mut self, duration: Duration) -> Self {
        assert!(!duration.is_zero(), "max_value must be greater than 0");
        self.largest = Some(duration);
        self
    }

    /// Makes the histogram, if it has at most `max_buckets` buckets.
    ///
    /// # Errors
    ///
    /// Says how many it would have.
    pub fn max_buckets(
        &mut self,
        max_buckets: usize,
    ) -> Result<LogHistogram, InvalidHistogramConfiguration> {
        let histogram = self.build();
        if histogram.buckets > max_buckets {
            return Err(InvalidHistogramConfiguration::TooManyBuckets {
                required_bucket_count: histogram.buckets,
            });
        }
        Ok(histogram)
    }

    /// Makes the histogram, whatever number of buckets it has.
    pub fn build(&self) -> LogHistogram {
        LogHistogram::between(
            nanoseconds(self.smallest.unwrap_or(SMALLEST)),
            nanoseconds(self.largest.unwrap_or(LARGEST)),
            self.precision.unwrap_or(PRECISION),
        )
    }
}

/// Why there is no such histogram.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidHistogramConfiguration {
    /// It would have more buckets than allowed.
    TooManyBuckets {
        /// How many it would have.
        required_bucket_count: usize,
    },
}

impl fmt::Display for InvalidHistogramConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooManyBuckets {
            required_bucket_count,
        } = self;
        write!(
            f,
            "the histogram needs {required_bucket_count} buckets: allow more of them, or a larger \
             error, or a smaller range of values"
        )
    }
}

impl std::error::Error for InvalidHistogramConfiguration {}

/// Where buckets begin and end, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Linear { width: u64, buckets: usize },
    Log(LogHistogram),
}

impl Shape {
    #[track_caller]
    pub(crate) fn linear(width: u64, buckets: usize) -> Self {
        assert!(width > 0, "a bucket must be wider than 0 ns");
        assert!(buckets > 0, "a histogram must have at least one bucket");
        Self::Linear { width, buckets }
    }

    /// The first bucket ends at the power of two at or above `first_ns`, each other one is twice
    /// as wide as the one before.
    pub(crate) fn doubling(first_ns: u64, buckets: usize) -> Self {
        assert!(buckets > 0, "a histogram must have at least one bucket");
        let first_ns = first_ns.checked_next_power_of_two().unwrap_or(1 << 63);
        Self::Log(LogHistogram {
            buckets,
            precision: 0,
            first: index_of(first_ns, 0),
        })
    }

    pub(crate) fn buckets(self) -> usize {
        match self {
            Self::Linear { buckets, .. } => buckets,
            Self::Log(log) => log.buckets,
        }
    }

    pub(crate) fn bucket_of(self, value: u64) -> usize {
        let bucket = match self {
            Self::Linear { width, .. } => usize::try_from(value / width).unwrap_or(usize::MAX),
            Self::Log(log) => (index_of(value, log.precision) + 1).saturating_sub(log.first),
        };
        bucket.min(self.buckets() - 1)
    }

    /// The smallest value of a bucket, or the largest of all if it would be above that.
    fn start_of(self, bucket: usize) -> u64 {
        match self {
            _ if bucket == 0 => 0,
            Self::Linear { width, .. } => width.saturating_mul(bucket as u64),
            Self::Log(log) => start_of_index(log.first + bucket - 1, log.precision),
        }
    }

    /// What a bucket takes; the last takes the largest value of all, too.
    pub(crate) fn range(self, bucket: usize) -> Range<u64> {
        let end = if bucket + 1 == self.buckets() {
            u64::MAX
        } else {
            self.start_of(bucket + 1)
        };
        self.start_of(bucket)..end
    }
}

/// The index of a value among buckets that begin at 0: its bits behind the leading one, as many as
/// the precision, below the number of bits that are left out.
fn index_of(value: u64, precision: u32) -> usize {
    let left_out = value.checked_ilog2().unwrap_or(0).saturating_sub(precision);
    ((left_out as usize) << precision) + (value >> left_out) as usize
}

/// The smallest value with that index.
fn start_of_index(index: usize, precision: u32) -> u64 {
    let parts = 1 << precision;
    if index < 2 * parts {
        return index as u64;
    }
    let left_out = (index / parts - 1) as u32;
    let leading = (index % parts + parts) as u128;
    u64::try_from(leading << left_out.min(64)).unwrap_or(u64::MAX)
}

/// Longer ones than 584 years count as that.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
