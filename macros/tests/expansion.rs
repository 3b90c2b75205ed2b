//! Runs the behaviour tests of the macros against a root crate of a hundred lines: this file
//! stands in for `runtime` and shares its macro support. So the macros are tested on their own,
//! and what an expansion needs of its root is written down, in the items of this file.

#![allow(missing_docs, unreachable_pub)]

// `crate::runtime` is this crate too, so its items stand at the top.
extern crate self as runtime;

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

#[path = "../../runtime/src/macros/mod.rs"]
pub mod macros;
#[path = "../../runtime/src/macros/pin.rs"]
mod pin;

pub use runtime_macros::{main, test};

#[path = "../../runtime/tests/macros/behaviour.rs"]
mod behaviour;

mod budget {
    use std::task::{Context, Poll};

    pub fn poll_budget_available(_cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

mod util {
    pub mod rng {
        use std::cell::Cell;

        thread_local!(static STATE: Cell<u32> = const { Cell::new(0x9e37_79b9) });

        /// Xorshift (Marsaglia), reduced by multiplication.
        pub fn thread_rng_n(n: u32) -> u32 {
            let mut x = STATE.get();
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            STATE.set(x);
            ((u64::from(x) * u64::from(n)) >> 32) as u32
        }
    }
}

// Every task has a thread of its own; `block_on` polls on the caller's.

pub struct Builder {
    workers: usize,
}

impl Builder {
    pub fn new_multi_thread() -> Self {
        Self { workers: 2 }
    }

    pub fn new_current_thread() -> Self {
        Self { workers: 1 }
    }

    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        self.workers = count;
        self
    }

    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    pub fn build(&mut self) -> io::Result<Runtime> {
        Ok(Runtime {
            workers: self.workers,
        })
    }
}

pub struct Runtime {
    workers: usize,
}

pub struct Metrics(usize);

impl Metrics {
    pub fn num_workers(&self) -> usize {
        self.0
    }
}

pub struct JoinError(Box<dyn Any + Send>);

impl JoinError {
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, io::Error> {
        Ok(self.0)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Runtime {
    pub fn metrics(&self) -> Metrics {
        Metrics(self.workers)
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = std::pin::pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    pub fn spawn<F>(&self, future: F) -> impl Future<Output = Result<F::Output, JoinError>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (send, receive) = channel();
        thread::spawn(move || {
            let task = Self { workers: 1 };
            let result = catch_unwind(AssertUnwindSafe(|| task.block_on(future)));
            send.send(result.map_err(JoinError)).ok();
        });
        async move { wait(&receive) }
    }
}

/// Blocks, as nothing else runs on the caller's thread.
fn wait<T>(receive: &Receiver<Result<T, JoinError>>) -> Result<T, JoinError> {
    receive.recv().expect("a task sends its result")
}
