//! The full product of how a task can end and of when its handles are used and dropped:
//! whatever comes together, the future is dropped exactly once, the output is taken or dropped
//! exactly once, and the `JoinHandle` tells the right story.

use crate::support::{Count, With, flavours, once, panics, payload_text, within_bound};
use runtime::runtime::Runtime;
use runtime::sync::oneshot;
use runtime::task::{AbortHandle, JoinError, JoinHandle, yield_now};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// Where the future panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PanicIn {
    Nothing,
    Poll,
    Drop,
    PollAndDrop,
}

impl PanicIn {
    const ALL: [Self; 4] = [Self::Nothing, Self::Poll, Self::Drop, Self::PollAndDrop];

    fn in_poll(self) -> bool {
        matches!(self, Self::Poll | Self::PollAndDrop)
    }

    fn in_drop(self) -> bool {
        matches!(self, Self::Drop | Self::PollAndDrop)
    }
}

/// When something is done to the task.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Never,
    /// Before it can get past its first await.
    Spawned,
    /// By the task itself, while it is polled.
    InPoll,
    /// While it waits.
    Polled,
    /// After it has finished.
    Finished,
}

impl When {
    const OUTSIDE: [Self; 4] = [Self::Never, Self::Spawned, Self::Polled, Self::Finished];
    const ALL: [Self; 5] = [
        Self::Never,
        Self::Spawned,
        Self::InPoll,
        Self::Polled,
        Self::Finished,
    ];
}

#[derive(Clone, Copy, Debug)]
struct Case {
    panic_in: PanicIn,
    output_panics: bool,
    join_polled: bool,
    join_dropped: When,
    aborted: When,
    abort_dropped: When,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for panic_in in PanicIn::ALL {
        for (output_panics, join_polled) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            for join_dropped in When::OUTSIDE {
                for aborted in When::ALL {
                    for abort_dropped in When::ALL {
                        cases.push(Case {
                            panic_in,
                            output_panics,
                            join_polled,
                            join_dropped,
                            aborted,
                            abort_dropped,
                        });
                    }
                }
            }
        }
    }
    cases
}

#[derive(Clone, Debug, Default)]
struct Tally {
    futures_dropped: Count,
    outputs_made: Count,
    outputs_dropped: Count,
}

/// Dropped with the future.
struct Beside {
    case: Case,
    dropped: Count,
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.dropped.add();
        if self.case.panic_in.in_drop() {
            panic!("on purpose: drop");
        }
    }
}

#[derive(Debug)]
struct Output {
    panics: bool,
    dropped: Count,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.dropped.add();
        if self.panics {
            panic!("on purpose: output");
        }
    }
}

/// The handles, and what is done to them.
struct Handles {
    case: Case,
    join: Option<JoinHandle<Output>>,
    /// The task reaches it too.
    abort: Arc<Mutex<Option<AbortHandle>>>,
    /// Whether an abort was called before the task could finish.
    aborted: bool,
}

impl Handles {
    /// Does what the case says for this moment. An abort is the `AbortHandle`'s if there is one.
    fn act(&mut self, now: When) {
        let mut abort = self.abort.lock().expect("no panic inside");
        if self.case.aborted == now {
            match (&*abort, &self.join) {
                (Some(abort), _) => abort.abort(),
                (None, Some(join)) => join.abort(),
                (None, None) => return,
            }
            self.aborted |= now != When::Finished;
        }
        if self.case.abort_dropped == now {
            *abort = None;
        }
        drop(abort);
        if self.case.join_dropped == now {
            self.join = None;
        }
    }

    async fn finished(&self, tally: &Tally) {
        tally.futures_dropped.reaches(1).await;
        // The future is gone, but the result may not be published yet.
        while let Some(join) = &self.join {
            if join.is_finished() {
                return;
            }
            yield_now().await;
        }
    }
}

/// Waits for `start`, does what the case says while it is polled, waits for `go`.
async fn subject(
    case: Case,
    tally: Tally,
    abort: Arc<Mutex<Option<AbortHandle>>>,
    start: oneshot::Receiver<()>,
    polled: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
) -> Output {
    start.await.expect("the driver starts every task");
    let own = abort.lock().expect("no panic inside").clone();
    if case.abort_dropped == When::InPoll {
        abort.lock().expect("no panic inside").take();
    }
    if let (When::InPoll, Some(own)) = (case.aborted, own) {
        own.abort();
        // Aborted tasks end at the next await that is not ready.
        yield_now().await;
        unreachable!("polled after an abort from within");
    }
    polled.send(()).expect("the driver waits");
    go.await.expect("the driver lets it go on");
    if case.panic_in.in_poll() {
        panic!("on purpose: poll");
    }
    tally.outputs_made.add();
    Output {
        panics: case.output_panics,
        dropped: tally.outputs_dropped,
    }
}

async fn check(case: Case) {
    let tally = Tally::default();
    let abort = Arc::new(Mutex::new(None));
    let (start, started) = oneshot::channel();
    let (polled, was_polled) = oneshot::channel();
    let (go, goes) = oneshot::channel();
    let beside = Beside {
        case,
        dropped: tally.futures_dropped.clone(),
    };
    let task = subject(case, tally.clone(), abort.clone(), started, polled, goes);
    let mut join = runtime::spawn(With::new(task, beside));
    *abort.lock().expect("no panic inside") = Some(join.abort_handle());
    if case.join_polled {
        assert!(once(&mut join).await.is_pending(), "{case:?}");
    }
    let aborts_itself = case.aborted == When::InPoll && case.abort_dropped != When::Spawned;
    let mut handles = Handles {
        case,
        join: Some(join),
        abort,
        aborted: false,
    };

    handles.act(When::Spawned);
    // An aborted task may still be in its poll: the way to the end stays shut.
    let shut = if handles.aborted {
        Some(start)
    } else {
        start.send(()).expect("the task waits");
        None
    };
    let reached = was_polled.await.is_ok();
    drop(shut);
    handles.aborted |= aborts_itself;
    assert_eq!(reached, !handles.aborted, "{case:?}");
    handles.act(When::Polled);
    if handles.aborted {
        handles.finished(&tally).await;
        drop(go);
    } else {
        go.send(()).expect("the task waits");
        handles.finished(&tally).await;
    }
    handles.act(When::Finished);

    if let Some(mut join) = handles.join.take() {
        let result = match once(&mut join).await {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("finished but not joined: {case:?}"),
        };
        check_result(case, handles.aborted, result);
    }
    // Taken or dropped: by now by us, or soon by the task's worker.
    tally
        .outputs_dropped
        .reaches(tally.outputs_made.get())
        .await;
    assert_eq!(tally.futures_dropped.get(), 1, "{case:?}");
}

fn check_result(case: Case, aborted: bool, result: Result<Output, JoinError>) {
    let expected = match case.panic_in {
        panic_in if panic_in.in_poll() && !aborted => Some("on purpose: poll"),
        panic_in if panic_in.in_drop() => Some("on purpose: drop"),
        _ => None,
    };
    match (expected, result) {
        (Some(expected), Err(error)) if error.is_panic() => {
            assert_eq!(payload_text(&*error.into_panic()), expected, "{case:?}");
        }
        (None, Err(error)) => assert!(aborted && error.is_cancelled(), "{case:?}: {error:?}"),
        (None, Ok(output)) => {
            assert!(!aborted, "{case:?}");
            assert_eq!(panics(|| drop(output)), case.output_panics, "{case:?}");
        }
        (_, result) => panic!("{case:?}: {result:?}"),
    }
}

fn check_all(runtime: Runtime) {
    within_bound(move || {
        let cases = cases();
        assert_eq!(cases.len(), 1_600);
        for case in cases {
            runtime.block_on(check(case));
        }
    });
}

#[test]
fn on_the_current_thread() {
    let [current, ..] = flavours();
    check_all(current);
}

#[test]
fn on_one_worker() {
    let [_, one, _] = flavours();
    check_all(one);
}

#[test]
fn on_two_workers() {
    let [.., two] = flavours();
    check_all(two);
}
