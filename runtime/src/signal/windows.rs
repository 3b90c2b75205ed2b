//! The console events of Windows.
//!
//! Written against the documentation of `SetConsoleCtrlHandler`; neither built nor tested on the
//! machines where this crate is developed.
//!
//! The system calls the handler on a thread of its own, so that it may do anything: it delivers
//! to the listeners right there. Nothing of a runtime is needed but the one that polls.
//!
//! - W1. The table lives as long as the process, because the handler does.
//! - W2. For close, logoff and shutdown the process ends when the handler returns. So with a
//!   listener it does not return: the program ends itself, or the system ends it after some
//!   seconds.
#![allow(unsafe_code)]

use super::slot::{Slot, Subscription};
use crate::budget;
use crate::loom::sync::Arc;
use crate::runtime::context;
use std::future::poll_fn;
use std::io;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

/// As the system numbers the events: 0, 1, 2, 5, 6.
const EVENTS: usize = 7;

unsafe extern "system" {
    fn SetConsoleCtrlHandler(
        handler: Option<unsafe extern "system" fn(u32) -> i32>,
        add: i32,
    ) -> i32;
}

struct Table {
    slots: Vec<Arc<Slot>>,
}

static TABLE: OnceLock<Table> = OnceLock::new();

fn table() -> io::Result<&'static Table> {
    if let Some(table) = TABLE.get() {
        return Ok(table);
    }
    let slots = (0..EVENTS).map(|_| Arc::new(Slot::default())).collect();
    if TABLE.set(Table { slots }).is_ok() {
        // SAFETY: the handler may be called on any thread at any time (W1).
        if unsafe { SetConsoleCtrlHandler(Some(handler), 1) } == 0 {
            return Err(io::Error::last_os_error());
        }
    }
    TABLE
        .get()
        .ok_or_else(|| io::Error::other("unreachable: the table was just set"))
}

unsafe extern "system" fn handler(event: u32) -> i32 {
    let slot = TABLE
        .get()
        .and_then(|table| table.slots.get(event as usize));
    let Some(slot) = slot else { return 0 };
    if !slot.has_listeners() {
        return 0;
    }
    slot.deliver();
    if event >= 2 {
        loop {
            std::thread::park(); // W2
        }
    }
    1
}

fn listen(event: usize) -> io::Result<Subscription> {
    // As on Unix, a listener belongs to a runtime.
    let _runtime = context::current();
    Ok(Slot::subscribe(&table()?.slots[event]))
}

macro_rules! events {
    ($($kind:ident, $make:ident = $number:literal: $text:literal;)*) => {
        $(
            #[doc = concat!("A listener for ", $text, ".")]
            #[derive(Debug)]
            #[must_use = "an event is received by `recv`"]
            pub struct $kind(Subscription);

            #[doc = concat!("Listens for ", $text, ".")]
            ///
            /// # Errors
            ///
            /// The system refuses the handler.
            ///
            /// # Panics
            ///
            /// Panics outside of a runtime.
            #[track_caller]
            pub fn $make() -> io::Result<$kind> {
                listen($number).map($kind)
            }

            impl $kind {
                /// Receives the next event; never `None`.
                ///
                /// # Cancel safety
                ///
                /// Cancel safe: an event that came is kept for the next call.
                pub async fn recv(&mut self) -> Option<()> {
                    poll_fn(|cx| self.poll_recv(cx)).await
                }

                /// Polls for the next event; the waker of the last call is woken.
                pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
                    let unit = ready!(budget::poll_proceed(cx));
                    ready!(self.0.poll(cx));
                    unit.made_progress();
                    Poll::Ready(Some(()))
                }
            }
        )*
    };
}

events! {
    CtrlC, ctrl_c = 0: "Ctrl-C";
    CtrlBreak, ctrl_break = 1: "Ctrl-Break";
    CtrlClose, ctrl_close = 2: "the closing of the console's window";
    CtrlLogoff, ctrl_logoff = 5: "the user's logging off";
    CtrlShutdown, ctrl_shutdown = 6: "the system's shutdown";
}
