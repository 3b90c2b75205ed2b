//! The task cell: under every schedule a future is dropped exactly once, an output is taken or
//! dropped exactly once, no wake is lost, and no cell leaks.
//!
//! The invariants I1 to I7 are those of `runtime/src/cell/mod.rs`, O1 to O3 of `cell/owned.rs`,
//! C1 of `scheduler/cells.rs`. Each model ends in [`World::settle`], which checks what holds for
//! all of them. Values that wakers announce are stored and loaded `Relaxed`: only the cell's own
//! word may carry them (I4).

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, model_within, thread};
use runtime::model::cell::{Living, Scheduler, Task};
use runtime::task::{JoinError, JoinHandle};
use std::pin::Pin;
// The tallies are std's on purpose: they add no step and order nothing.
use std::sync::Arc as Plain;
use std::sync::atomic::AtomicUsize as Tick;
use std::task::{Context, Poll, Wake, Waker};

fn add(tick: &Tick) -> usize {
    tick.fetch_add(1, Ordering::Relaxed)
}

fn get(tick: &Tick) -> usize {
    tick.load(Ordering::Relaxed)
}

/// What became of the futures and outputs of one model.
#[derive(Debug, Default)]
struct Tally {
    polls: Tick,
    futures_dropped: Tick,
    outputs_made: Tick,
    outputs_dropped: Tick,
}

/// What the tasks return.
#[derive(Debug)]
struct Output(Plain<Tally>);

impl Drop for Output {
    fn drop(&mut self) {
        add(&self.0.outputs_dropped);
    }
}

/// A future that is ready once `gate` has reached `goal`.
struct Probe {
    tally: Plain<Tally>,
    gate: Arc<AtomicUsize>,
    goal: usize,
    /// Wakes itself in each poll that is not ready, or in its drop.
    wakes_itself: bool,
    waker: Option<Waker>,
}

impl Future for Probe {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        add(&self.tally.polls);
        if self.gate.load(Ordering::Relaxed) >= self.goal {
            add(&self.tally.outputs_made);
            return Poll::Ready(Output(self.tally.clone()));
        }
        if self.wakes_itself {
            cx.waker().wake_by_ref();
            self.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        add(&self.tally.futures_dropped);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A scheduler and what its tasks do.
#[derive(Clone)]
struct World {
    scheduler: Scheduler,
    tally: Plain<Tally>,
    gate: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        Self {
            scheduler: Scheduler::new(),
            tally: Plain::default(),
            gate: Arc::new(AtomicUsize::new(0)),
        }
    }

    fn probe(&self, goal: usize) -> Probe {
        let (tally, gate) = (self.tally.clone(), self.gate.clone());
        Probe {
            tally,
            gate,
            goal,
            wakes_itself: false,
            waker: None,
        }
    }

    /// A task that is ready once `goal` threads have announced something.
    fn spawn(&self, goal: usize) -> (Task, JoinHandle<Output>) {
        self.scheduler.spawn(self.probe(goal))
    }

    fn announce(&self) {
        self.gate.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs `act` on another thread.
    fn thread(&self, act: impl FnOnce(&Self) + Send + 'static) -> thread::JoinHandle<()> {
        let world = self.clone();
        thread::spawn(move || act(&world))
    }

    /// All handles are gone and all threads have ended: runs what is queued and checks what
    /// holds for every model.
    #[track_caller]
    fn settle(&self) {
        self.scheduler.run_all();
        let counts = self.scheduler.counts();
        assert_eq!(self.scheduler.live(), 0, "a task is alive: {counts:?}");
        assert_eq!(counts.freed, counts.spawned, "a cell leaks: {counts:?}");
        assert_eq!(counts.runs, counts.entries, "I1: {counts:?}");
        assert_eq!(counts.panics, 0, "{counts:?}");
        let tally = &self.tally;
        assert!(get(&tally.polls) <= counts.runs, "I1: {tally:?} {counts:?}");
        assert_eq!(get(&tally.futures_dropped), counts.spawned, "I7");
        assert_eq!(
            get(&tally.outputs_dropped),
            get(&tally.outputs_made),
            "an output"
        );
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(Tick);

impl Wake for Wakes {
    fn wake(self: Plain<Self>) {
        add(&self.0);
    }

    fn wake_by_ref(self: &Plain<Self>) {
        add(&self.0);
    }
}

impl Wakes {
    fn new() -> (Plain<Self>, Waker) {
        let wakes = Plain::<Self>::default();
        (wakes.clone(), Waker::from(wakes))
    }
}

fn poll(join: &mut JoinHandle<Output>, waker: &Waker) -> Poll<Result<Output, JoinError>> {
    Pin::new(join).poll(&mut Context::from_waker(waker))
}

/// The result of a task that must have completed.
#[track_caller]
fn result(join: &mut JoinHandle<Output>) -> Result<Output, JoinError> {
    assert!(join.is_finished(), "the task did not complete");
    match poll(join, Waker::noop()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("finished but not joined"),
    }
}

/// I1, I4: two wakers against a runner; the last poll sees what both announced.
#[test]
fn wakes_against_runs() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(2);
        let by_ref = task.clone().into_waker();
        let by_value = task.into_waker();
        let first = world.thread(move |world| {
            world.announce();
            by_ref.wake_by_ref();
        });
        let second = world.thread(move |world| {
            world.announce();
            by_value.wake();
        });
        world.scheduler.run_all();
        first.join().expect("no panic");
        second.join().expect("no panic");
        world.scheduler.run_all();
        drop(result(&mut join).expect("not cancelled"));
        drop(join);
        world.settle();
    });
}

/// I1, I2: two runners and a waker; the future is never polled by both.
#[test]
fn two_runners() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(1);
        let waker = task.into_waker();
        let runner = world.thread(|world| world.scheduler.run_all());
        let waking = world.thread(move |world| {
            waker.wake_by_ref();
            world.announce();
            waker.wake();
        });
        world.scheduler.run_all();
        runner.join().expect("no panic");
        waking.join().expect("no panic");
        world.scheduler.run_all();
        drop(result(&mut join).expect("not cancelled"));
        drop(join);
        world.settle();
    });
}

/// I1, I4: a task that wakes itself in its poll and in its drop, woken by another thread too.
#[test]
fn wake_within_poll_and_drop() {
    model(|| {
        let world = World::new();
        let mut probe = world.probe(1);
        probe.wakes_itself = true;
        let (task, mut join) = world.scheduler.spawn(probe);
        let waker = task.into_waker();
        let waking = world.thread(move |world| {
            world.announce();
            waker.wake();
        });
        // It requeues itself for ever while it is closed.
        world.scheduler.run_one();
        world.scheduler.run_one();
        waking.join().expect("no panic");
        world.scheduler.run_all();
        drop(result(&mut join).expect("not cancelled"));
        drop(join);
        world.settle();
    });
}

/// Wakers that outlive the task do nothing, and the last one frees the cell (I3, I6).
#[test]
fn late_wakers() {
    model(|| {
        let world = World::new();
        let (task, join) = world.spawn(0);
        let waker = task.clone().into_waker();
        let late = world.thread(move |_| {
            waker.wake_by_ref();
            let second = waker.clone();
            drop(waker);
            second.wake();
        });
        let other = world.thread(move |_| drop(task.into_waker()));
        drop(join);
        world.scheduler.run_all();
        late.join().expect("no panic");
        other.join().expect("no panic");
        world.settle();
    });
}

/// I7: abort, wake and run at once; exactly one outcome.
#[test]
fn abort_against_wake_and_run() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(1);
        let abort = join.abort_handle();
        let waker = task.into_waker();
        let waking = world.thread(move |world| {
            world.announce();
            waker.wake();
        });
        let aborting = world.thread(move |_| abort.abort());
        world.scheduler.run_all();
        waking.join().expect("no panic");
        aborting.join().expect("no panic");
        world.scheduler.run_all();
        match result(&mut join) {
            Ok(output) => drop(output),
            Err(error) => assert!(error.is_cancelled()),
        }
        drop(join);
        world.settle();
    });
}

/// I7: two aborts, one using up its reference, of a task that nothing else wakes.
#[test]
fn aborts_of_an_idle_task() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(1);
        let runner = world.thread(|world| world.scheduler.run_all());
        let aborting = world.thread(move |_| task.abort_by_value());
        join.abort();
        runner.join().expect("no panic");
        aborting.join().expect("no panic");
        world.scheduler.run_all();
        assert!(
            result(&mut join)
                .expect_err("nobody opened the gate")
                .is_cancelled()
        );
        drop(join);
        world.settle();
    });
}

/// I3, I5: the joiner sleeps until the completer wakes it, and gets the output.
#[test]
fn join_against_completion() {
    model(|| {
        let world = World::new();
        let (task, join) = world.spawn(0);
        drop(task);
        let runner = world.thread(|world| world.scheduler.run_all());
        drop(block_on(join).expect("not cancelled"));
        runner.join().expect("no panic");
        world.settle();
    });
}

/// The same with an abort: the joiner is woken whatever comes first.
#[test]
fn join_against_abort_and_completion() {
    model_within(2, || {
        let world = World::new();
        let (task, join) = world.spawn(0);
        drop(task);
        let abort = join.abort_handle();
        let aborting = world.thread(move |world| {
            abort.abort();
            world.scheduler.run_all();
        });
        let runner = world.thread(|world| world.scheduler.run_all());
        match block_on(join) {
            Ok(output) => drop(output),
            Err(error) => assert!(error.is_cancelled()),
        }
        runner.join().expect("no panic");
        aborting.join().expect("no panic");
        world.settle();
    });
}

/// I5: of several wakers the newest is woken, once, and all are dropped with the handle.
#[test]
fn join_waker_replaced() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(0);
        drop(task);
        let runner = world.thread(|world| world.scheduler.run_all());
        let (old, old_waker) = Wakes::new();
        let (new, new_waker) = Wakes::new();
        let mut ready = None;
        for waker in [&old_waker, &new_waker, &new_waker] {
            ready = match poll(&mut join, waker) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => continue,
            };
            break;
        }
        runner.join().expect("no panic");
        if ready.is_none() {
            assert_eq!(get(&new.0), 1, "the newest waker is woken once");
            assert_eq!(get(&old.0), 0, "an old waker is not");
            ready = Some(result(&mut join));
        }
        assert!(get(&old.0) + get(&new.0) <= 1, "woken once at most");
        drop(ready.expect("completed").expect("not cancelled"));
        drop(join);
        world.settle();
        drop((old_waker, new_waker));
        assert_eq!(Plain::strong_count(&old), 1, "the old waker leaks");
        assert_eq!(Plain::strong_count(&new), 1, "the new waker leaks");
    });
}

/// I3, I5: a handle dropped while the task completes: somebody drops the output, somebody the
/// waker, also while others keep the cell.
#[test]
fn join_dropped_against_completion() {
    model(|| {
        let world = World::new();
        let (task, mut join) = world.spawn(0);
        let (wakes, waker) = Wakes::new();
        let runner = world.thread(|world| world.scheduler.run_all());
        drop(poll(&mut join, &waker));
        drop(waker);
        drop(join);
        runner.join().expect("no panic");
        assert_eq!(get(&world.tally.outputs_dropped), 1, "the output");
        assert_eq!(Plain::strong_count(&wakes), 1, "the waker");
        drop(task);
        world.settle();
    });
}

/// I6: the handles go in any order while the task runs, on three threads.
#[test]
fn handles_dropped_everywhere() {
    model(|| {
        let world = World::new();
        let (task, join) = world.spawn(0);
        let abort = join.abort_handle();
        let runner = world.thread(|world| world.scheduler.run_all());
        let dropping = world.thread(move |_| {
            drop(abort);
            drop(task);
        });
        drop(join);
        runner.join().expect("no panic");
        dropping.join().expect("no panic");
        world.settle();
    });
}

/// O2: a spawn that races with `close` is listed and then cancelled, or cancelled at once.
#[test]
fn shutdown_against_spawn() {
    model(|| {
        let world = World::new();
        let spawning = world.thread(|world| {
            let (task, join) = world.spawn(1);
            drop(task);
            drop(join);
        });
        world.scheduler.close();
        while let Some(task) = world.scheduler.pop_for_cancel() {
            task.abort_by_value();
        }
        world.scheduler.run_all();
        spawning.join().expect("no panic");
        // Listed before the close: what was not yet queued then is now.
        world.settle();
    });
}

/// O1, O3: tasks complete, and leave the list, while shutdown goes through it.
#[test]
fn shutdown_against_completion() {
    model(|| {
        let world = World::new();
        let mut joins = [world.spawn(0).1, world.spawn(1).1];
        let runner = world.thread(|world| world.scheduler.run_all());
        world.scheduler.close();
        let mut cancelled = 0;
        while let Some(task) = world.scheduler.pop_for_cancel() {
            cancelled += 1;
            task.abort_by_value();
        }
        assert!(cancelled <= 2, "O3: cancelled twice");
        runner.join().expect("no panic");
        world.scheduler.run_all();
        if let Err(error) = result(&mut joins[0]) {
            assert!(error.is_cancelled());
        }
        assert!(
            result(&mut joins[1])
                .expect_err("never ready")
                .is_cancelled()
        );
        drop(joins);
        world.settle();
    });
}

/// Shutdown, a foreign wake and a worker at once.
#[test]
fn shutdown_against_wake_and_run() {
    model_within(2, || {
        let world = World::new();
        let (task, mut join) = world.spawn(1);
        let waker = task.into_waker();
        let runner = world.thread(|world| world.scheduler.run_all());
        let waking = world.thread(move |world| {
            world.announce();
            waker.wake();
        });
        world.scheduler.close();
        while let Some(task) = world.scheduler.pop_for_cancel() {
            task.abort_by_value();
        }
        runner.join().expect("no panic");
        waking.join().expect("no panic");
        world.scheduler.run_all();
        if let Err(error) = result(&mut join) {
            assert!(error.is_cancelled());
        }
        drop(join);
        world.settle();
    });
}

/// Counts its drop.
struct Dropped(Plain<Tick>);

impl Drop for Dropped {
    fn drop(&mut self) {
        add(&self.0);
    }
}

/// C1: the last cell goes on another thread while the worker ends.
#[test]
fn last_cell_against_end_of_worker() {
    model(|| {
        let dropped = Plain::<Tick>::default();
        let living = Living::new(Dropped(dropped.clone()));
        let (first, join) = living.spawn(async {}, true);
        let second = first.clone();
        living.run_all();
        drop(join);
        assert_eq!(get(&dropped), 0, "gone before its cells");
        let waking = thread::spawn(move || first.into_waker().wake());
        let dropping = thread::spawn(move || drop(second));
        living.worker_ended(1);
        waking.join().expect("no panic");
        dropping.join().expect("no panic");
        assert_eq!(get(&dropped), 1, "the scheduler leaks");
    });
}

/// C1: a task of another thread is made, run and freed while the worker ends.
#[test]
fn foreign_spawn_against_end_of_worker() {
    model(|| {
        let dropped = Plain::<Tick>::default();
        let living = Living::new(Dropped(dropped.clone()));
        let foreign = living.clone();
        let other = thread::spawn(move || {
            let (task, join) = foreign.spawn(async {}, false);
            foreign.run_all();
            drop(foreign);
            drop(join);
            drop(task);
        });
        living.worker_ended(0);
        other.join().expect("no panic");
        assert_eq!(get(&dropped), 1, "the scheduler leaks");
    });
}

/// C1: the workers have ended; cells made by two threads keep the scheduler again.
#[test]
fn foreign_spawns_after_the_end() {
    model(|| {
        let dropped = Plain::<Tick>::default();
        let living = Living::new(Dropped(dropped.clone()));
        let others = [living.clone(), living.clone()].map(|foreign| {
            thread::spawn(move || {
                let (task, join) = foreign.spawn(async {}, false);
                foreign.run_all();
                drop(foreign);
                drop(task);
                drop(join);
            })
        });
        living.worker_ended(0);
        for other in others {
            other.join().expect("no panic");
        }
        assert_eq!(get(&dropped), 1, "the scheduler leaks");
    });
}
