//! Panics: their texts, and those that are made on purpose.

use super::Bomb;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// The text of all panics that tests make on purpose begins so, and is not reported.
pub(crate) const ON_PURPOSE: &str = "on purpose";

/// Does not report panics that are made on purpose.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let on_purpose =
                payload.is::<Bomb>() || text.is_some_and(|text| text.starts_with(ON_PURPOSE));
            if !on_purpose {
                report(info);
            }
        }));
    });
}

/// Whether `f` panics.
pub(crate) fn panics(f: impl FnOnce()) -> bool {
    panic::catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// The text of the panic that `f` ends with.
pub(crate) fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("did not panic"),
        Err(payload) => payload_text(&*payload),
    }
}

pub(crate) fn payload_text(payload: &(dyn std::any::Any + Send)) -> String {
    match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => (*payload
            .downcast_ref::<&str>()
            .expect("a payload that is a text"))
        .to_owned(),
    }
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "no {phrase:?} in {text:?}");
    }
}
