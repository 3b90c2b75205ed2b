//! Shapes known by hand, extremes, and properties of all others.

use super::*;
use proptest::prelude::*;

fn log(min_ns: u64, max_ns: u64, precision: u32) -> LogHistogram {
    LogHistogram::builder()
        .min_value(Duration::from_nanos(min_ns))
        .max_value(Duration::from_nanos(max_ns))
        .precision_exact(precision)
        .build()
}

/// Buckets follow each other without a gap from 0 to the end.
fn check_shape(shape: Shape) {
    let mut end = 0;
    for bucket in 0..shape.buckets() {
        let range = shape.range(bucket);
        assert_eq!(range.start, end, "bucket {bucket} of {shape:?}");
        end = range.end;
        if range.is_empty() {
            continue;
        }
        assert_eq!(shape.bucket_of(range.start), bucket, "{shape:?}");
        assert_eq!(shape.bucket_of(range.end - 1), bucket, "{shape:?}");
    }
    assert_eq!(end, u64::MAX);
    assert_eq!(shape.range(shape.bucket_of(u64::MAX)).end, u64::MAX);
}

#[test]
fn shapes_known_by_hand() {
    let linear = Shape::linear(50, 3);
    assert_eq!(
        [0, 1, 2].map(|bucket| linear.range(bucket)),
        [0..50, 50..100, 100..u64::MAX]
    );
    for (value, bucket) in [(0, 0), (49, 0), (50, 1), (99, 1), (100, 2), (1_000, 2)] {
        assert_eq!(linear.bucket_of(value), bucket, "{value}");
    }
    let doubling = Shape::doubling(50_000, 3);
    assert_eq!(
        [0, 1, 2].map(|bucket| doubling.range(bucket)),
        [0..65_536, 65_536..131_072, 131_072..u64::MAX]
    );
    let usual = LogHistogram::default();
    assert_eq!(usual.buckets, 119);
    assert_eq!(usual.shape().range(0), 0..96);
    assert_eq!(usual.shape().range(1), 96..112);
    assert_eq!(usual.shape().range(118).end, u64::MAX);
    assert!(usual.max_value() >= 60_000_000_000);
    let coarse = log(20_000, 4_000_000, 0);
    assert_eq!(coarse.buckets, 10);
    assert_eq!(coarse.shape().range(1), 16_384..32_768);
}

#[test]
fn extreme_shapes_have_no_gap() {
    for precision in 0..=HIGHEST_PRECISION {
        for (min, max) in [(0, 1), (1, 1), (1, u64::MAX), (u64::MAX, u64::MAX), (9, 3)] {
            check_shape(log(min, max, precision).shape());
        }
    }
    for shape in [
        Shape::linear(1, 1),
        Shape::linear(u64::MAX, 3),
        Shape::linear(1 << 62, 5),
        Shape::doubling(0, 1),
        Shape::doubling(1, 70),
        Shape::doubling(u64::MAX, 4),
    ] {
        check_shape(shape);
    }
}

#[test]
fn the_precision_is_the_least_that_keeps_the_error() {
    for (error, precision) in [
        (0.999, 1),
        (0.5, 1),
        (0.3, 2),
        (0.25, 2),
        (0.2, 3),
        (0.001, 10),
    ] {
        let wanted = LogHistogram::builder().precision_exact(precision).build();
        assert_eq!(
            LogHistogram::builder().max_error(error).build(),
            wanted,
            "{error}"
        );
    }
}

#[test]
fn wrong_values_are_refused() {
    for error in [0.0, -1.0, 1.0, f64::NAN, 0.0009] {
        let made = std::panic::catch_unwind(|| LogHistogram::builder().max_error(error));
        assert!(made.is_err(), "{error}");
    }
    assert!(std::panic::catch_unwind(|| LogHistogram::builder().precision_exact(11)).is_err());
    let zero = Duration::ZERO;
    assert!(std::panic::catch_unwind(|| LogHistogram::builder().max_value(zero)).is_err());
    assert!(std::panic::catch_unwind(|| HistogramConfiguration::linear(zero, 1)).is_err());
    let none = || HistogramConfiguration::linear(Duration::from_nanos(1), 0);
    assert!(std::panic::catch_unwind(none).is_err());
}

#[test]
fn too_many_buckets_are_an_error_that_counts_them() {
    let mut builder = LogHistogram::builder();
    assert!(builder.max_buckets(119).is_ok());
    let error = builder.max_buckets(118).unwrap_err();
    let InvalidHistogramConfiguration::TooManyBuckets {
        required_bucket_count,
    } = error;
    assert_eq!(required_bucket_count, 119);
    assert!(error.to_string().contains("119"));
}

proptest! {
    #[test]
    fn linear_shapes_have_no_gap(width in 1..=u64::MAX, buckets in 1..100_usize) {
        check_shape(Shape::linear(width, buckets));
    }

    #[test]
    fn log_shapes_have_no_gap(min: u64, max: u64, precision in 0..=4_u32) {
        check_shape(log(min, max.max(1), precision).shape());
    }

    /// The promise of a log histogram: between its limits a bucket is at most `2^-p` of any of
    /// its values wide.
    #[test]
    fn the_error_is_bounded(value in 1..=u64::MAX, precision in 0..=HIGHEST_PRECISION) {
        let shape = log(1, u64::MAX / 2, precision).shape();
        let bucket = shape.bucket_of(value);
        let range = shape.range(bucket);
        prop_assert!(range.contains(&value) || value == u64::MAX);
        if bucket + 1 < shape.buckets() {
            let width = range.end - range.start;
            prop_assert!(width == 1 || width <= range.start >> precision);
        }
    }
}
