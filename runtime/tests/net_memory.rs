//! What a registered socket takes, by a counting allocator, and that it comes back.
#![cfg(target_os = "linux")]

mod support;

use runtime::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use support::{current_thread, poll_once};

/// Most bytes that one socket may take, in the socket type and behind it.
const MOST_PER_SOCKET: usize = 128;
/// As many as fill the reactor's pages.
const COUNT: usize = 2_048;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// In one test, because the counter is the process's.
#[test]
fn a_registered_socket_is_small() {
    current_thread(async {
        // Whatever is made when first needed.
        drop(UnixDatagram::pair().unwrap());
        let mut sockets = Vec::with_capacity(COUNT);
        let before = BYTES.load(Relaxed);
        for _ in 0..COUNT / 2 {
            let (one, other) = UnixDatagram::pair().unwrap();
            sockets.push(one);
            sockets.push(other);
        }
        let behind = (BYTES.load(Relaxed) - before) / COUNT;
        for size in [
            size_of::<UnixDatagram>(),
            size_of::<UdpSocket>(),
            size_of::<UnixStream>(),
            size_of::<TcpStream>(),
        ] {
            assert!(size + behind <= MOST_PER_SOCKET, "{size} and {behind}");
        }
        // Waiting and going takes nothing that stays per turn.
        let mut buf = [0; 1];
        let made = BYTES.load(Relaxed);
        for _ in 0..1_000 {
            let mut recv = pin!(sockets[0].recv(&mut buf));
            assert!(poll_once(recv.as_mut()).is_pending());
        }
        assert!(BYTES.load(Relaxed) - made < 64);
        // Slots are used again.
        sockets.truncate(COUNT / 2);
        let made = BYTES.load(Relaxed);
        for _ in 0..100 {
            drop(UnixDatagram::pair().unwrap());
        }
        assert_eq!(BYTES.load(Relaxed), made);
    });
}
