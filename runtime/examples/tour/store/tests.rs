//! What the store promises.

use super::*;

#[test]
fn a_key_is_gone_at_its_deadline_swept_or_not() {
    let store = Store::default();
    let now = Instant::now();
    store.set("a", "1").unwrap();
    assert!(store.expire("a", Duration::from_millis(10), now));
    let later = now + Duration::from_millis(9);
    assert_eq!(store.get("a", later).as_deref(), Some("1"));
    assert_eq!(store.ttl("a", later), Some(Some(Duration::from_millis(1))));
    let end = now + Duration::from_millis(10);
    assert_eq!(
        (store.get("a", end), store.ttl("a", end), store.len()),
        (None, None, 1)
    );
    assert_eq!((store.sweep(end), store.len()), (1, 0));
}

#[test]
fn incr_refuses_what_is_no_number() {
    let store = Store::default();
    let now = Instant::now();
    assert_eq!((store.incr("n", now), store.incr("n", now)), (Ok(1), Ok(2)));
    store.set("n", "x").unwrap();
    assert_eq!(store.incr("n", now), Err(Refused::NotAnInteger));
    store.set("n", &i64::MAX.to_string()).unwrap();
    assert_eq!(store.incr("n", now), Err(Refused::Overflow));
}

#[runtime::test]
async fn a_watch_sees_the_change_and_leaves_nothing() {
    let store = Store::default();
    let watch = store.watch("a");
    let changed = watch.changed();
    store.set("a", "1").unwrap();
    changed.await;
    drop(watch);
    drop(store.watch("b"));
    assert!(
        store
            .shards
            .iter()
            .all(|shard| shard.lock().unwrap().watches.is_empty())
    );
}
