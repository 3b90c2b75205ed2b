//! Task dumps: where tasks wait, as stack traces.
//!
//! A future that waits has no stack. But polled once more it goes down to where it waits, and
//! there each leaf future of this crate looks for a unit of its budget. In a *traced* poll there is
//! none: the leaf reports its stack instead and stays pending. Its waker is woken when the traced
//! poll is over, so that the poll which it should have been is made up for.
//!
//! Futures of other crates that wait by themselves, and those under
//! [`unconstrained`](crate::task::unconstrained), are not seen; they are polled as usual.
//!
//! What a frame is called depends on the program's debug information: `debug = "limited"` and more
//! give whole names, files and lines; `"line-tables-only"` gives files and lines, but often only
//! the last part of a name; without any there are the names of the symbol table alone.

use super::context;
use super::handle::{Handle, Scheduler};
use crate::budget;
use crate::cell::id::{self, Id};
use crate::cell::{Notified, TaskRef};
use crate::loom::thread;
use crate::util::trace_leaf;
use crate::util::wake_batch::wake_contained;
use pin_project_lite::pin_project;
use std::collections::HashSet;
use std::ffi::c_void;
use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often a dump looks again at once for tasks that were being polled.
const QUICK_ROUNDS: usize = 16;

/// How often a dump looks again in all, and how long it waits before each of the later looks.
const ROUNDS: usize = 1_000;
const PAUSE: Duration = Duration::from_micros(200);

/// The tasks of a runtime and where each waits; made by [`Handle::dump`].
#[derive(Debug)]
pub struct Dump {
    tasks: Tasks,
}

/// The tasks of a [`Dump`].
#[derive(Debug)]
pub struct Tasks {
    tasks: Vec<Task>,
}

/// One task of a [`Dump`].
#[derive(Debug)]
pub struct Task {
    id: Id,
    trace: Trace,
}

impl Dump {
    /// The tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl Tasks {
    /// The tasks, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }
}

impl Task {
    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Where it waits.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}

/// Where a future waits: a stack for each of its leaves. Shown as a text with the names of
/// functions, which are looked up then; that is slow.
#[derive(Clone, Debug)]
pub struct Trace {
    leaves: Vec<backtrace::Backtrace>,
}

/// The functions of one leaf, from the leaf down to the root.
#[derive(Clone, Debug)]
pub struct Backtrace {
    frames: Box<[BacktraceFrame]>,
}

/// One frame of a [`Backtrace`].
#[derive(Clone, Debug)]
pub struct BacktraceFrame {
    ip: usize,
    symbol_address: usize,
    symbols: Box<[BacktraceSymbol]>,
}

/// A function of a [`BacktraceFrame`]: inlined ones share a frame.
#[derive(Clone, Debug)]
pub struct BacktraceSymbol {
    name_raw: Option<Box<[u8]>>,
    name: Option<Box<str>>,
    addr: Option<usize>,
    filename: Option<PathBuf>,
    lineno: Option<u32>,
    colno: Option<u32>,
}

impl Backtrace {
    /// The frames, the leaf's first.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &BacktraceFrame> {
        self.frames.iter()
    }
}

impl BacktraceFrame {
    /// The instruction that the frame is at.
    pub fn ip(&self) -> *mut c_void {
        self.ip as *mut c_void
    }

    /// Where the frame's function begins.
    pub fn symbol_address(&self) -> *mut c_void {
        self.symbol_address as *mut c_void
    }

    /// The functions, the innermost first.
    pub fn symbols(&self) -> impl ExactSizeIterator<Item = &BacktraceSymbol> {
        self.symbols.iter()
    }
}

impl BacktraceSymbol {
    /// The name as the linker has it.
    pub fn name_raw(&self) -> Option<&[u8]> {
        self.name_raw.as_deref()
    }

    /// The name as the source has it.
    pub fn name_demangled(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the function begins.
    pub fn addr(&self) -> Option<*mut c_void> {
        self.addr.map(|addr| addr as *mut c_void)
    }

    /// The source file.
    pub fn filename(&self) -> Option<&Path> {
        self.filename.as_deref()
    }

    /// The line.
    pub fn lineno(&self) -> Option<u32> {
        self.lineno
    }

    /// The column.
    pub fn colno(&self) -> Option<u32> {
        self.colno
    }

    fn new(symbol: &backtrace::BacktraceSymbol) -> Self {
        let name = symbol.name();
        Self {
            name_raw: name.as_ref().map(|name| name.as_bytes().into()),
            // Without the hash at its end.
            name: name.map(|name| format!("{name:#}").into()),
            addr: symbol.addr().map(|addr| addr as usize),
            filename: symbol.filename().map(Path::to_path_buf),
            lineno: symbol.lineno(),
            colno: symbol.colno(),
        }
    }
}

impl Trace {
    /// Runs `f`, which polls something, and says where that waits. A future that it polls and that
    /// waits here is polled again later: its waker is woken.
    pub fn capture<F, R>(f: F) -> (R, Self)
    where
        F: FnOnce() -> R,
    {
        let mut leaves = Vec::new();
        let result = trace_with(f, |meta| leaves.push(stack_of(meta)));
        (result, Self { leaves })
    }

    /// Wraps a future so that traces end where it begins.
    pub fn root<F>(f: F) -> Root<F> {
        Root { future: f }
    }

    /// Looks up the names of all functions; that is slow.
    pub fn resolve_backtraces(&self) -> Vec<Backtrace> {
        let resolve = |leaf: &backtrace::Backtrace| {
            let mut leaf = leaf.clone();
            leaf.resolve();
            let frames = leaf.frames().iter().map(|frame| BacktraceFrame {
                ip: frame.ip() as usize,
                symbol_address: frame.symbol_address() as usize,
                symbols: frame.symbols().iter().map(BacktraceSymbol::new).collect(),
            });
            Backtrace {
                frames: frames.collect(),
            }
        };
        self.leaves.iter().map(resolve).collect()
    }
}

/// The stack of a leaf, between its own report and the root. Without a root down to the thread's
/// start.
fn stack_of(meta: &TraceMeta) -> backtrace::Backtrace {
    let mut frames = Vec::new();
    let mut above_leaf = false;
    backtrace::trace(|frame| {
        let address = frame.symbol_address().cast_const();
        if meta.root_addr == Some(address) {
            return false;
        }
        if above_leaf {
            frames.push(backtrace::BacktraceFrame::from(frame.clone()));
        }
        above_leaf |= address == meta.trace_leaf_addr;
        true
    });
    frames.into()
}

impl fmt::Display for Trace {
    /// A stack for each leaf, the root first, each function further to the right.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, leaf) in self.resolve_backtraces().iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let symbols = leaf.frames.iter().flat_map(|frame| &frame.symbols);
            let mut symbols: Vec<_> = symbols.collect();
            symbols.reverse();
            for (depth, symbol) in symbols.into_iter().enumerate() {
                write!(f, "{:1$}", "", depth)?;
                f.write_str(symbol.name_demangled().unwrap_or("<unknown>"))?;
                if let Some(filename) = symbol.filename() {
                    write!(f, " at {}", filename.display())?;
                    for number in [symbol.lineno, symbol.colno].into_iter().flatten() {
                        write!(f, ":{number}")?;
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

pin_project! {
    /// A future at which traces end; made by [`Trace::root`].
    #[derive(Clone, Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Root<T> {
        #[pin]
        future: T,
    }
}

impl<T: Future> Future for Root<T> {
    type Output = T::Output;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let root = Self::poll as fn(Pin<&mut Self>, &mut Context<'_>) -> Poll<T::Output>;
        let future = self.project().future;
        trace_leaf::with_root(root as *const c_void, || future.poll(cx))
    }
}

/// What [`trace_with`] tells about a leaf: between which functions of the stack the future is.
#[derive(Debug)]
#[non_exhaustive]
pub struct TraceMeta {
    /// The function at which the innermost [`Root`] is polled, if there is one.
    pub root_addr: Option<*const c_void>,
    /// The function that reports the leaf: those below it are the future's.
    pub trace_leaf_addr: *const c_void,
}

/// Runs `poll_op`, which polls something, and calls `trace_leaf` on the stack of each leaf future
/// that it waits for. The wakers of these are woken later, so that they are polled again.
pub fn trace_with<FN, FT, R>(poll_op: FN, mut trace_leaf: FT) -> R
where
    FN: FnOnce() -> R,
    FT: FnMut(&TraceMeta),
{
    let mut late = Late(Vec::new());
    let wakers = &mut late.0;
    trace_leaf::watch(
        || budget::with_trace(poll_op),
        |waker| {
            trace_leaf(&TraceMeta {
                root_addr: trace_leaf::root(),
                trace_leaf_addr: trace_leaf::reached as fn(&Waker) as *const c_void,
            });
            wakers.push(waker.clone());
        },
    )
}

/// Wakers of leaves that were held up: woken by a task of the runtime, not before the caller has
/// finished with its poll.
struct Late(Vec<Waker>);

impl Drop for Late {
    fn drop(&mut self) {
        let wakers = std::mem::take(&mut self.0);
        if wakers.is_empty() {
            return;
        }
        match context::try_current() {
            Ok(handle) => {
                let wake = async move { wakers.into_iter().for_each(wake_contained) };
                drop(handle.start(wake, Id::next().into()).finish());
            }
            Err(_) => wakers.into_iter().for_each(wake_contained),
        }
    }
}

impl Handle {
    /// Says where each task of the runtime waits.
    ///
    /// A task of the runtime polls all others once more, traced, as [`Trace::capture`] does. The
    /// tasks of a `LocalSet` are not seen, and a task that is in a long poll may be left out. On a
    /// current-thread runtime somebody must be in `block_on`. The tasks of a
    /// [`LocalRuntime`](crate::runtime::LocalRuntime) are polled by its own thread alone: another
    /// thread sees none while that one is not in `block_on`. After the end of the runtime there are
    /// no tasks.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the dump is made and dropped.
    pub async fn dump(&self) -> Dump {
        if let Scheduler::CurrentThread(shared) = &self.scheduler {
            if shared.is_left_by_its_owner() {
                return Dump {
                    tasks: Tasks { tasks: Vec::new() },
                };
            }
        }
        let handle = self.clone();
        let dump = async move { dump_tasks(&handle).await };
        let dumped = self.start(dump, Id::next().into()).finish().await;
        let tasks = dumped.unwrap_or_default();
        Dump {
            tasks: Tasks { tasks },
        }
    }

    /// Whether the calling code runs in a poll that is traced.
    #[doc(hidden)]
    pub fn is_tracing() -> bool {
        budget::is_traced()
    }

    fn take_queued(&self) -> Vec<Notified> {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.take_queued(),
            Scheduler::CurrentThread(shared) => shared.take_queued(),
        }
    }

    fn put_back(&self, task: Notified) {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.put_back(task),
            Scheduler::CurrentThread(shared) => shared.put_back(task),
        }
    }

    fn live_tasks(&self) -> Vec<TaskRef> {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.live(),
            Scheduler::CurrentThread(shared) => shared.live(),
        }
    }
}

async fn dump_tasks(handle: &Handle) -> Vec<Task> {
    // This task runs, so it is not to be waited for.
    let mut seen: HashSet<Id> = id::current().into_iter().collect();
    let mut tasks = Vec::new();
    for round in 0..ROUNDS {
        if trace_round(handle, &mut seen, &mut tasks) {
            break;
        }
        if round >= QUICK_ROUNDS {
            // Their threads may be waiting for this core.
            thread::pause(PAUSE);
        }
        pass().await;
    }
    tasks
}

/// Lets the other tasks go on.
async fn pass() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Traces the tasks that can be had now; true if that is all.
fn trace_round(handle: &Handle, seen: &mut HashSet<Id>, tasks: &mut Vec<Task>) -> bool {
    for entry in handle.take_queued() {
        let id = entry.header().id();
        if seen.insert(id) {
            tasks.push(trace_task(entry));
        } else {
            handle.put_back(entry);
        }
    }
    let mut all = true;
    for task in handle.live_tasks() {
        let id = task.header().id();
        if task.is_finished() || seen.contains(&id) {
            continue;
        }
        match task.take_entry() {
            Some(entry) => {
                seen.insert(id);
                tasks.push(trace_task(entry));
            }
            None => all = false,
        }
    }
    all
}

fn trace_task(entry: Notified) -> Task {
    let id = entry.header().id();
    let root = entry.header().poll_address();
    let mut leaves = Vec::new();
    let mut wakers = Vec::new();
    let meta = TraceMeta {
        root_addr: Some(root),
        trace_leaf_addr: trace_leaf::reached as fn(&Waker) as *const c_void,
    };
    // The dump's own poll goes on with its budget afterwards.
    budget::with_kept(|| {
        trace_leaf::watch(
            || trace_leaf::with_root(root, || entry.run_traced()),
            |waker| {
                leaves.push(stack_of(&meta));
                wakers.push(waker.clone());
            },
        );
    });
    wakers.into_iter().for_each(wake_contained);
    Task {
        id,
        trace: Trace { leaves },
    }
}
