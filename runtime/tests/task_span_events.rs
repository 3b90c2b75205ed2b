//! The feature `tracing`: what a subscriber is told of tasks and their wakers.

mod support;

use runtime::runtime::{Builder, Runtime};
use runtime::sync::oneshot;
use runtime::task::{self, JoinSet, LocalSet, yield_now};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::{Count, OnDrop, With, within_bound};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Span, Subscriber};
use tracing_core::span::Current;

type Fields = BTreeMap<&'static str, String>;

/// What happened, with the ids of spans.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    New(u64),
    Enter(u64),
    Exit(u64),
    Close(u64),
    /// Of the task with this span.
    Waker(String, u64),
}

struct Open {
    references: usize,
    metadata: &'static Metadata<'static>,
    fields: Fields,
    is_root: bool,
}

/// Keeps all of it, and a stack per thread, as a registry does.
#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    /// Also the closed ones.
    spans: Mutex<BTreeMap<u64, Open>>,
}

/// A subscriber of one test.
#[derive(Clone, Default)]
struct Registry {
    log: Arc<Log>,
    /// Whether tasks' own spans are left out.
    no_tasks: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static STACK: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

struct Collect(Fields);

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Registry {
    fn push(&self, seen: Seen) {
        self.log.seen.lock().unwrap().push(seen);
    }

    /// What happened to spans and wakers of the task whose span has this id.
    fn of(&self, id: u64) -> Vec<Seen> {
        let seen = self.log.seen.lock().unwrap();
        let is_its = |seen: &&Seen| match seen {
            Seen::New(of) | Seen::Enter(of) | Seen::Exit(of) | Seen::Close(of) => *of == id,
            Seen::Waker(_, of) => *of == id,
        };
        seen.iter().filter(is_its).cloned().collect()
    }

    /// The spans of tasks, in order of creation, with their fields.
    fn tasks(&self) -> Vec<(u64, Fields)> {
        let spans = self.log.spans.lock().unwrap();
        let tasks = spans
            .iter()
            .filter(|(_, open)| open.metadata.name() == "runtime.spawn");
        tasks
            .map(|(id, open)| {
                assert_eq!(open.metadata.target(), "tokio::task");
                assert_eq!(*open.metadata.level(), Level::TRACE);
                assert!(open.is_root);
                (*id, open.fields.clone())
            })
            .collect()
    }

    /// The one task of this kind.
    fn task(&self, kind: &str) -> (u64, Fields) {
        let mut tasks = self.tasks();
        tasks.retain(|(_, fields)| fields["kind"] == kind);
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        tasks.remove(0)
    }

    fn wakers_of(&self, id: u64) -> Vec<String> {
        let of = self.of(id);
        of.into_iter()
            .filter_map(|seen| match seen {
                Seen::Waker(op, _) => Some(op),
                _ => None,
            })
            .collect()
    }
}

impl Subscriber for Registry {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !(self.no_tasks && metadata.target().starts_with("tokio::task"))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut fields = Collect(Fields::new());
        span.record(&mut fields);
        let open = Open {
            references: 1,
            metadata: span.metadata(),
            fields: fields.0,
            is_root: span.is_root(),
        };
        self.log.spans.lock().unwrap().insert(id, open);
        self.push(Seen::New(id));
        Id::from_u64(id)
    }

    fn clone_span(&self, id: &Id) -> Id {
        let mut spans = self.log.spans.lock().unwrap();
        spans.get_mut(&id.into_u64()).unwrap().references += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.log.spans.lock().unwrap();
        let open = spans.get_mut(&id.into_u64()).unwrap();
        open.references -= 1;
        let is_last = open.references == 0;
        drop(spans);
        if is_last {
            self.push(Seen::Close(id.into_u64()));
        }
        is_last
    }

    fn enter(&self, id: &Id) {
        STACK.with_borrow_mut(|stack| stack.push(id.clone()));
        self.push(Seen::Enter(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        let left = STACK.with_borrow_mut(Vec::pop);
        assert_eq!(left.as_ref(), Some(id), "in the order of entry");
        self.push(Seen::Exit(id.into_u64()));
    }

    fn current_span(&self) -> Current {
        // As the registry of `tracing-subscriber` does, which counts the first entry of a span alone.
        let current = STACK.with_borrow(|stack| {
            let is_first = |&at: &usize| !stack[..at].contains(&stack[at]);
            let at = (0..stack.len()).rev().find(is_first)?;
            Some(stack[at].clone())
        });
        let Some(id) = current else {
            return Current::none();
        };
        let metadata = self.log.spans.lock().unwrap()[&id.into_u64()].metadata;
        Current::new(id, metadata)
    }

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() != "tokio::task::waker" {
            return;
        }
        assert_eq!(*event.metadata().level(), Level::TRACE);
        let mut fields = Collect(Fields::new());
        event.record(&mut fields);
        let task = fields.0["task.id"].parse().unwrap();
        self.push(Seen::Waker(fields.0["op"].clone(), task));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

/// Runs a test on a runtime whose one thread has a subscriber.
fn subscribed(test: impl FnOnce(&Registry, &Runtime) + Send + 'static) {
    with_subscriber(Registry::default(), test);
}

fn with_subscriber(registry: Registry, test: impl FnOnce(&Registry, &Runtime) + Send + 'static) {
    within_bound(move || {
        with_default(registry.clone(), || {
            let runtime = Builder::new_current_thread().build().unwrap();
            test(&registry, &runtime);
        });
    });
}

/// The name of the span that the caller is in.
fn name() -> Option<&'static str> {
    Span::current().metadata().map(Metadata::name)
}

/// Whose spans the caller is in, from the outermost.
fn stack() -> Vec<u64> {
    STACK.with_borrow(|stack| stack.iter().map(Id::into_u64).collect())
}

#[test]
fn a_tasks_span_has_its_fields() {
    subscribed(|registry, runtime| {
        let future = async { task::id() };
        let bytes = size_of_val(&future);
        let line = line!() + 1;
        let task = runtime.spawn(future);
        let id = runtime.block_on(task).unwrap();
        let (_, fields) = registry.task("task");
        assert_eq!(fields["task.id"], id.to_string());
        assert_eq!(fields["size.bytes"], bytes.to_string());
        assert_eq!(fields["loc.file"], file!());
        assert_eq!(fields["loc.line"], line.to_string());
        assert_eq!(fields["loc.col"], "28");
        let others = ["task.name", "original_size.bytes", "fn"];
        assert!(others.iter().all(|name| !fields.contains_key(name)));
        assert_eq!(registry.task("block_on").1["loc.file"], file!());
    });
}

#[test]
fn every_way_to_spawn_makes_a_span() {
    subscribed(|registry, runtime| {
        let set = LocalSet::new();
        let mut lines = Vec::new();
        let mut at = |line: u32| lines.push(line.to_string());
        let root = line!() + 1;
        runtime.block_on(set.run_until(async {
            let mut joined = JoinSet::new();
            at(line!() + 1);
            runtime::spawn(ready(())).await.unwrap();
            at(line!() + 1);
            task::spawn_local(ready(())).await.unwrap();
            at(line!() + 1);
            set.spawn_local(ready(())).await.unwrap();
            at(line!() + 1);
            joined.spawn(ready(()));
            at(line!() + 1);
            joined.spawn_local(ready(()));
            at(line!() + 1);
            task::spawn_blocking(|| ()).await.unwrap();
            at(line!() + 1);
            joined.spawn_blocking(|| ());
            joined.join_all().await;
        }));
        let kinds = [
            "block_on", "task", "local", "local", "task", "local", "blocking", "blocking",
        ];
        let tasks = registry.tasks();
        let seen = tasks.iter().map(|(_, fields)| fields["kind"].as_str());
        assert!(seen.eq(kinds));
        lines.insert(0, root.to_string());
        let seen = tasks.iter().map(|(_, fields)| &fields["loc.line"]);
        assert!(seen.eq(&lines), "{tasks:?}");
        assert!(
            tasks
                .iter()
                .all(|(_, fields)| fields["loc.file"] == file!())
        );
        assert!(tasks[6].1["fn"].contains("every_way_to_spawn"));
    });
}

#[test]
fn a_name_is_told_and_not_measured() {
    subscribed(|registry, runtime| {
        let set = LocalSet::new();
        runtime.block_on(set.run_until(async {
            let mut joined = JoinSet::new();
            let named = || task::Builder::new().name("worker");
            named().spawn(ready(7_u8)).unwrap().await.unwrap();
            named().spawn_local(ready(7_u8)).unwrap().await.unwrap();
            named().spawn_local_on(ready(7_u8), &set).unwrap();
            named().spawn_blocking(|| ()).unwrap().await.unwrap();
            joined
                .build_task()
                .name("worker")
                .spawn(ready(7_u8))
                .unwrap();
            joined.join_all().await;
        }));
        let tasks = registry.tasks();
        assert_eq!(tasks.len(), 6);
        for (_, fields) in &tasks[1..] {
            assert_eq!(fields["task.name"], "worker");
            let bytes = match fields["kind"].as_str() {
                "blocking" => 0,
                _ => size_of_val(&ready(7_u8)),
            };
            assert_eq!(fields["size.bytes"], bytes.to_string());
        }
    });
}

/// Once for each poll, and once for the drop of the future; closed before the task can be joined.
#[test]
fn polls_and_drop_are_inside() {
    subscribed(|registry, runtime| {
        let count = Count::default();
        let in_drop = OnDrop::new(&count, || assert_eq!(name(), Some("runtime.spawn")));
        let work = async {
            assert_eq!(name(), Some("runtime.spawn"));
            yield_now().await;
        };
        runtime.block_on(async {
            let mut task = runtime::spawn(With::new(work, in_drop));
            let (id, _) = registry.task("task");
            (&mut task).await.unwrap();
            let seen = registry.of(id);
            let spans = seen.iter().filter(|seen| !matches!(seen, Seen::Waker(..)));
            let (enter, exit) = (Seen::Enter(id), Seen::Exit(id));
            let all = [
                &Seen::New(id),
                &enter,
                &exit,
                &enter,
                &exit,
                &enter,
                &exit,
                &Seen::Close(id),
            ];
            assert!(spans.eq(all), "{seen:?}");
            drop(task);
        });
        assert_eq!(count.get(), 1);
        let (root, _) = registry.task("block_on");
        assert_eq!(registry.of(root).last(), Some(&Seen::Close(root)));
    });
}

#[test]
fn aborted_and_panicking_tasks_close_their_span() {
    subscribed(|registry, runtime| {
        runtime.block_on(async {
            let never = runtime::spawn(pending::<()>());
            yield_now().await;
            never.abort();
            never.await.unwrap_err();
            let end: Result<(), _> = runtime::spawn(async { panic!("on purpose") }).await;
            end.unwrap_err();
        });
        let left = runtime.spawn(pending::<()>());
        drop(left);
        let tasks = registry.tasks();
        assert_eq!(tasks.len(), 4);
        let is_closed = |id: u64| registry.of(id).contains(&Seen::Close(id));
        assert!(tasks[..3].iter().all(|(id, _)| is_closed(*id)));
        assert!(!is_closed(tasks[3].0));
    });
}

/// The spawner's span is inside of the task's, so both kinds of subscribers see it as current (T1).
#[test]
fn the_spawners_span_is_the_inner_one() {
    for no_tasks in [false, true] {
        let registry = Registry {
            no_tasks,
            ..Registry::default()
        };
        with_subscriber(registry, move |registry, runtime| {
            let request = tracing::info_span!("request");
            let id = request.id().unwrap().into_u64();
            let task = request.in_scope(|| runtime.spawn(async { (name(), stack()) }));
            let (name, stack) = runtime.block_on(task).unwrap();
            assert_eq!(name, Some("request"));
            match no_tasks {
                true => assert_eq!(stack, [id]),
                false => {
                    assert_eq!(stack, [registry.task("task").0, id]);
                }
            }
        });
    }
}

/// No task's span is carried to another task, also where it is the current one (T2).
#[test]
fn a_tasks_own_span_is_not_inherited() {
    subscribed(|registry, runtime| {
        let request = tracing::info_span!("request");
        let id = request.id().unwrap().into_u64();
        let root = async {
            let child = async {
                // The one around `block_on` is entered already.
                assert_eq!(name(), Some("runtime.spawn"));
                let child = runtime::spawn(async { stack() });
                (stack(), child.await.unwrap())
            };
            assert_eq!(name(), Some("runtime.spawn"));
            (stack(), runtime::spawn(child).await.unwrap())
        };
        let (of_root, (of_child, of_grandchild)) = request.in_scope(|| runtime.block_on(root));
        let tasks = registry.tasks();
        let [root, child, grandchild] = [0, 1, 2].map(|at| tasks[at].0);
        assert_eq!(of_root, [id, root]);
        assert_eq!(of_child, [id, child, id]);
        assert_eq!(of_grandchild, [id, grandchild, id]);
        let alone = async { runtime::spawn(async { stack() }).await.unwrap() };
        let stack = runtime.block_on(runtime.spawn(alone)).unwrap();
        assert_eq!(stack, [registry.tasks().last().unwrap().0]);
    });
}

/// Gives out a clone of its waker and waits to be woken.
async fn give_waker(to: oneshot::Sender<Waker>) {
    let mut to = Some(to);
    poll_fn(|cx| match to.take() {
        Some(to) => {
            to.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

#[test]
fn wakers_tell_what_is_done_with_them() {
    subscribed(|registry, runtime| {
        runtime.block_on(async {
            let (to, from) = oneshot::channel();
            let task = runtime::spawn(give_waker(to));
            let (id, _) = registry.task("task");
            let waker = from.await.unwrap();
            assert_eq!(registry.wakers_of(id), ["waker.clone"]);
            let clone = waker.clone();
            assert!(clone.will_wake(&waker));
            clone.wake_by_ref();
            task.await.unwrap();
            // Also after the end, where the span is closed.
            waker.wake();
            drop(clone);
            let all = ["clone", "clone", "wake_by_ref", "wake", "drop"];
            let all = all.map(|op| format!("waker.{op}"));
            assert_eq!(registry.wakers_of(id), all);
        });
    });
}

/// Wakers outlive their task on other threads, while it completes.
#[test]
fn wakers_tell_while_the_task_ends() {
    let registry = Registry::default();
    let log = registry.clone();
    within_bound(move || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        with_default(registry, || {
            for _ in 0..200 {
                let (to, from) = oneshot::channel();
                let task = runtime.spawn(give_waker(to));
                let waker = runtime.block_on(from).unwrap();
                waker.wake_by_ref();
                for _ in 0..20 {
                    let clone = waker.clone();
                    clone.wake();
                }
                drop(waker);
                runtime.block_on(task).unwrap();
            }
        });
        drop(runtime);
        let mut tasks = log.tasks();
        tasks.retain(|(_, fields)| fields["kind"] == "task");
        assert_eq!(tasks.len(), 200);
        for (id, _) in tasks {
            let ops = log.wakers_of(id);
            let count = |op: &str| ops.iter().filter(|seen| *seen == op).count();
            // The task's own thread has no subscriber, and its clone is not told.
            assert_eq!(count("waker.clone"), 20);
            assert_eq!(count("waker.wake"), 20);
            assert_eq!(count("waker.wake_by_ref"), 1);
            assert_eq!(count("waker.drop"), 1);
        }
    });
}

#[test]
fn nothing_is_told_to_those_who_want_nothing() {
    let registry = Registry {
        no_tasks: true,
        ..Registry::default()
    };
    with_subscriber(registry, |registry, runtime| {
        runtime.block_on(async {
            let (to, from) = oneshot::channel();
            let task = runtime::spawn(give_waker(to));
            from.await.unwrap().wake();
            task.await.unwrap();
            task::spawn_blocking(|| ()).await.unwrap();
        });
        assert!(registry.log.seen.lock().unwrap().is_empty());
    });
}

/// A subscriber that panics in each event of wakers.
struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, _: &Event<'_>) {
        panic!("on purpose");
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_subscriber_that_panics_loses_no_wake() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    within_bound(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        for by_value in [false, true] {
            let (to, from) = oneshot::channel();
            // It is asked at the spawn, and not in the task's polls.
            let task = with_default(Panics, || runtime.spawn(give_waker(to)));
            let mut waker = Some(runtime.block_on(from).unwrap());
            let panicked = with_default(Panics, || {
                catch_unwind(AssertUnwindSafe(|| match by_value {
                    true => waker.take().unwrap().wake(),
                    false => waker.as_ref().unwrap().wake_by_ref(),
                }))
            });
            panicked.unwrap_err();
            runtime.block_on(task).unwrap();
        }
    });
}
