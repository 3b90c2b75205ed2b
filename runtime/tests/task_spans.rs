//! The feature `tracing`: a spawned task runs in the span of its spawner.

mod support;

use runtime::runtime::Builder;
use runtime::sync::oneshot;
use runtime::task::{JoinSet, LocalSet, spawn_blocking, spawn_local, yield_now};
use std::cell::RefCell;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use support::{Count, OnDrop, With, on_each_flavour, within_bound};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Metadata, Span, Subscriber};
use tracing_core::span::Current;

/// Names spans, counts references and keeps a stack per thread, as a registry does.
struct Registry;

struct Open {
    references: AtomicUsize,
    metadata: &'static Metadata<'static>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);
static SPANS: Mutex<std::collections::BTreeMap<u64, Open>> =
    Mutex::new(std::collections::BTreeMap::new());

thread_local! {
    static STACK: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

impl Subscriber for Registry {
    /// All but tasks' own spans.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "tokio::task"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let open = Open {
            references: AtomicUsize::new(1),
            metadata: span.metadata(),
        };
        SPANS.lock().unwrap().insert(id, open);
        Id::from_u64(id)
    }

    fn clone_span(&self, id: &Id) -> Id {
        let spans = SPANS.lock().unwrap();
        spans[&id.into_u64()]
            .references
            .fetch_add(1, Ordering::Relaxed);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = SPANS.lock().unwrap();
        let before = spans[&id.into_u64()]
            .references
            .fetch_sub(1, Ordering::Relaxed);
        if before == 1 {
            spans.remove(&id.into_u64());
        }
        before == 1
    }

    fn enter(&self, id: &Id) {
        STACK.with_borrow_mut(|stack| stack.push(id.clone()));
    }

    fn exit(&self, id: &Id) {
        let left = STACK.with_borrow_mut(Vec::pop);
        assert_eq!(
            left.as_ref(),
            Some(id),
            "spans are left in the order of entry"
        );
    }

    fn current_span(&self) -> Current {
        let Some(id) = STACK.with_borrow(|stack| stack.last().cloned()) else {
            return Current::none();
        };
        let metadata = SPANS.lock().unwrap()[&id.into_u64()].metadata;
        Current::new(id, metadata)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(Registry).expect("the first"));
}

/// The name of the span that the caller is in.
fn name() -> Option<&'static str> {
    Span::current().metadata().map(Metadata::name)
}

fn is_open(span: &Option<Id>) -> bool {
    let id = span.as_ref().expect("enabled").into_u64();
    SPANS.lock().unwrap().contains_key(&id)
}

#[test]
fn every_way_to_spawn_carries_the_span() {
    subscribe();
    on_each_flavour(|runtime| {
        let (one, two, three) = tracing::info_span!("request").in_scope(|| {
            let one = runtime.spawn(async {
                let child = runtime::spawn(async {
                    yield_now().await;
                    name()
                });
                (
                    name(),
                    child.await.unwrap(),
                    spawn_blocking(name).await.unwrap(),
                )
            });
            let mut set = JoinSet::new();
            set.spawn_on(async { name() }, runtime.handle());
            (one, set, runtime.spawn_blocking(name))
        });
        let request = Some("request");
        runtime.block_on(async {
            assert_eq!(one.await.unwrap(), (request, request, request));
            assert_eq!(two.join_all().await, [request]);
            assert_eq!(three.await.unwrap(), request);
            assert_eq!(name(), None);
            assert_eq!(runtime::spawn(async { name() }).await.unwrap(), None);
        });
    });
}

#[test]
fn local_tasks_carry_the_span() {
    subscribe();
    within_bound(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let set = LocalSet::new();
        let task = set.run_until(async {
            let span = tracing::info_span!("local");
            let task = span.in_scope(|| spawn_local(async { name() }));
            (task.await.unwrap(), name())
        });
        assert_eq!(runtime.block_on(task), (Some("local"), None));
    });
}

/// Also in the future's drop, and no longer: a handle that is kept keeps no span open.
#[test]
fn the_span_closes_with_the_future() {
    subscribe();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            for abort in [false, true] {
                let count = Count::default();
                let in_drop = OnDrop::new(&count, || assert_eq!(name(), Some("closing")));
                let (go, gone) = oneshot::channel::<()>();
                let span = tracing::info_span!("closing");
                let id = span.id();
                let mut task = span.in_scope(|| {
                    let end = async move {
                        gone.await.unwrap();
                        match abort {
                            true => pending().await,
                            false => ready(()).await,
                        }
                    };
                    runtime::spawn(With::new(end, in_drop))
                });
                drop(span);
                assert!(is_open(&id));
                go.send(()).unwrap();
                if abort {
                    task.abort();
                }
                assert_eq!((&mut task).await.is_err(), abort);
                assert_eq!(count.get(), 1);
                assert!(!is_open(&id));
                drop(task);
            }
        });
    });
}

#[test]
fn a_panic_leaves_the_span() {
    subscribe();
    on_each_flavour(|runtime| {
        let span = tracing::info_span!("panics");
        let task = span.in_scope(|| runtime.spawn(async { panic!("on purpose") }));
        runtime.block_on(async {
            let end: Result<(), _> = task.await;
            end.unwrap_err();
            for _ in 0..20 {
                assert_eq!(runtime::spawn(async { name() }).await.unwrap(), None);
            }
        });
    });
}
