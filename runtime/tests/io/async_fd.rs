//! Descriptors of the caller's: what guards clear and keep, what the system refuses, and the ends
//! of descriptor and runtime.
#![cfg(unix)]

use crate::support::{WakeCount, poll_once};
use runtime::io::unix::{AsyncFd, AsyncFdReadyGuard, AsyncFdTryNewError};
use runtime::io::{Interest, Ready};
use runtime::runtime::{Builder, Runtime};
use std::error::Error;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

fn read_all(mut stream: &UnixStream) -> io::Result<usize> {
    let (mut buf, mut total) = ([0; 64], 0);
    loop {
        match stream.read(&mut buf) {
            Ok(0) => return Ok(total),
            Ok(count) => total += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock && total > 0 => return Ok(total),
            Err(error) => return Err(error),
        }
    }
}

fn fill(mut stream: &UnixStream) {
    while stream.write(&[0; 4096]).is_ok() {}
}

/// Watches for both directions.
fn watch<T: AsRawFd>(fd: T) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
    // SAFETY: all types of these tests own their descriptor, or share one that is open meanwhile.
    unsafe { AsyncFd::register(fd) }
}

fn watch_for<T: AsRawFd>(fd: T, interest: Interest) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
    // SAFETY: as in `watch`.
    unsafe { AsyncFd::register_with_interest(fd, interest) }
}

/// Whether `fd` is ready for `interest` by what is known now.
fn is_ready<T: AsRawFd>(fd: &AsyncFd<T>, interest: Interest) -> bool {
    poll_once(pin!(fd.ready(interest))).is_ready()
}

/// Lets the reactor look.
async fn look<T: AsRawFd>(fd: &AsyncFd<T>, interest: Interest) {
    fd.ready(interest).await.unwrap().retain_ready();
}

#[runtime::test]
async fn only_the_guard_takes_readiness_back() {
    let (near, mut far) = pair();
    let near = watch(near).unwrap();
    far.write_all(b"x").unwrap();
    look(&near, Interest::READABLE).await;
    assert_eq!(read_all(near.get_ref()).unwrap(), 1);
    assert_eq!(
        read_all(near.get_ref()).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    for _ in 0..3 {
        // Nobody told us, and a guard that is dropped tells nothing.
        let mut guard = near.readable().await.unwrap();
        assert!(guard.ready().is_readable());
        guard.retain_ready();
    }
    let mut guard = near.readable().await.unwrap();
    guard.clear_ready();
    assert_eq!(guard.ready(), Ready::EMPTY);
    assert!(!is_ready(&near, Interest::READABLE));
    far.write_all(b"y").unwrap();
    look(&near, Interest::READABLE).await;
}

/// I2, I3: an event that came after the guard was made is kept, and a second clear does nothing.
#[runtime::test]
async fn an_event_since_the_guard_was_made_survives_its_clear() {
    let (near, mut far) = pair();
    let near = watch(near).unwrap();
    far.write_all(b"x").unwrap();
    let mut late = near.readable().await.unwrap();
    let mut early = near.readable().await.unwrap();
    early.clear_ready();
    assert!(!is_ready(&near, Interest::READABLE));
    far.write_all(b"y").unwrap();
    look(&near, Interest::READABLE).await;
    early.clear_ready();
    late.clear_ready();
    assert!(
        is_ready(&near, Interest::READABLE),
        "the second event was wiped out"
    );
}

#[runtime::test]
async fn matching_bits_alone_are_cleared() {
    let (near, mut far) = pair();
    let mut near = watch(near).unwrap();
    far.write_all(b"x").unwrap();
    look(&near, Interest::READABLE).await;
    look(&near, Interest::WRITABLE).await;
    let both = Interest::READABLE | Interest::WRITABLE;
    let mut guard = near.ready(both).await.unwrap();
    assert!(guard.ready().is_readable() && guard.ready().is_writable());
    guard.clear_ready_matching(Ready::READABLE);
    assert_eq!(guard.ready(), Ready::WRITABLE);
    assert!(!is_ready(&near, Interest::READABLE));
    assert!(is_ready(&near, Interest::WRITABLE));

    let mut guard = near.ready_mut(both).await.unwrap();
    assert_eq!(guard.ready(), Ready::WRITABLE);
    guard.clear_ready_matching(Ready::WRITABLE);
    assert_eq!(guard.ready(), Ready::EMPTY);
    guard.clear_ready_matching(Ready::WRITABLE); // nothing left to do
    assert!(!is_ready(&near, Interest::WRITABLE));
}

#[runtime::test]
async fn try_io_of_the_guards_clears_on_would_block_only() {
    let (near, mut far) = pair();
    let mut near = watch(near).unwrap();
    far.write_all(b"abc").unwrap();
    let mut guard = near.readable().await.unwrap();
    assert_eq!(
        guard.try_io(|fd| read_all(fd.get_ref())).unwrap().unwrap(),
        3
    );
    let own: io::Result<()> = guard.try_io(|_| Err(ErrorKind::Other.into())).unwrap();
    assert_eq!(own.unwrap_err().kind(), ErrorKind::Other);
    assert!(is_ready(&near, Interest::READABLE));
    let mut guard = near.readable().await.unwrap();
    let blocked = guard.try_io(|fd| read_all(fd.get_ref())).unwrap_err();
    assert!(blocked.to_string().contains("would block"));
    assert!(!is_ready(&near, Interest::READABLE));

    far.write_all(b"d").unwrap();
    let mut guard = near.readable_mut().await.unwrap();
    assert_eq!(
        guard
            .try_io(|fd| fd.get_mut().read(&mut [0; 8]))
            .unwrap()
            .unwrap(),
        1
    );
    assert!(guard.try_io(|fd| fd.get_mut().read(&mut [0; 8])).is_err());
    assert_eq!(guard.ready(), Ready::EMPTY);
    assert_eq!(guard.get_inner().as_raw_fd(), guard.get_ref().as_raw_fd());
    assert_eq!(
        guard.get_inner_mut().as_raw_fd(),
        guard.get_mut().as_raw_fd()
    );
}

#[runtime::test]
async fn try_io_and_async_io_wait_for_nothing_but_would_block() {
    let (near, mut far) = pair();
    let mut near = watch(near).unwrap();
    let mut called = false;
    let error = near
        .try_io(Interest::READABLE, |_| {
            called = true;
            Ok(())
        })
        .unwrap_err();
    assert!(error.kind() == ErrorKind::WouldBlock && !called);

    let mut calls = 0;
    {
        let mut read = pin!(near.async_io(Interest::READABLE, |stream| {
            calls += 1;
            read_all(stream)
        }));
        assert!(poll_once(read.as_mut()).is_pending());
        far.write_all(b"abcd").unwrap();
        assert_eq!(read.await.unwrap(), 4);
    }
    assert_eq!(calls, 1);
    // The readiness is left over; the closure finds out.
    let mut read = Box::pin(near.async_io_mut(Interest::READABLE, |stream| read_all(stream)));
    assert!(poll_once(read.as_mut()).is_pending());
    drop(read);
    assert!(!is_ready(&near, Interest::READABLE));
    far.write_all(b"e").unwrap();
    let count = near
        .async_io_mut(Interest::READABLE, |stream| read_all(stream))
        .await;
    assert_eq!(count.unwrap(), 1);
    let error = near
        .try_io_mut(Interest::READABLE, |stream| read_all(stream))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(!is_ready(&near, Interest::READABLE));
}

#[runtime::test]
async fn each_direction_waits_for_itself() {
    let (near, far) = pair();
    let near = watch(near).unwrap();
    look(&near, Interest::WRITABLE).await;
    fill(near.get_ref());
    near.writable().await.unwrap().clear_ready();
    let (count, waker) = WakeCount::new();
    let mut cx = Context::from_waker(&waker);
    assert!(near.poll_write_ready(&mut cx).is_pending());
    assert!(
        near.poll_read_ready(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert_eq!(count.get(), 0);
    read_all(&far).unwrap();
    near.writable().await.unwrap().retain_ready();
    assert!(count.get() > 0);
    assert!(near.poll_write_ready(&mut cx).is_ready());
}

/// Any number of tasks may wait, and one that gives up takes nothing away from the others.
#[runtime::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_waiting_task_is_woken() {
    let (near, mut far) = pair();
    let near = Arc::new(watch(near).unwrap());
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let near = near.clone();
            runtime::spawn(async move { near.readable().await.map(|guard| guard.ready()) })
        })
        .collect();
    let given_up = runtime::spawn({
        let near = near.clone();
        async move { near.readable().await.map(drop) }
    });
    given_up.abort();
    far.write_all(b"x").unwrap();
    for task in waiting {
        assert!(task.await.unwrap().unwrap().is_readable());
    }
    let _ = given_up.await;
}

/// A thread without a runtime may wait too: the reactor is the descriptor's own.
#[test]
fn a_foreign_thread_can_wait() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (near, mut far) = pair();
    let near = {
        let _context = runtime.enter();
        watch(near).unwrap()
    };
    let waiting = std::thread::spawn(move || {
        crate::support::block_on(async {
            let mut guard = near.readable().await?;
            guard.try_io(|fd| read_all(fd.get_ref())).unwrap()
        })
    });
    far.write_all(b"hello").unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), 5);
}

/// Closing the peer is readiness that no clear takes away.
#[runtime::test]
async fn a_closed_half_stays_ready() {
    let (near, far) = pair();
    let near = watch(near).unwrap();
    drop(far);
    loop {
        let mut guard = near.readable().await.unwrap();
        let closed = guard.ready().is_read_closed();
        guard.clear_ready();
        if closed {
            break;
        }
    }
    assert!(is_ready(&near, Interest::READABLE));
    assert_eq!(
        near.async_io(Interest::READABLE, read_all).await.unwrap(),
        0
    );
}

#[runtime::test]
async fn into_inner_and_drop_stop_watching() {
    let (near, _far) = pair();
    let near = watch_for(near, Interest::WRITABLE).unwrap();
    let near = near.into_inner();
    // Registering it anew works only if it is not watched any more.
    let near = watch(Arc::new(near)).unwrap();
    let keeps_it_open = near.get_ref().clone();
    drop(near);
    let near = watch(keeps_it_open).unwrap();
    look(&near, Interest::WRITABLE).await;
}

/// I1: the owner still has its descriptor open when it is deregistered.
#[runtime::test]
async fn the_descriptor_is_deregistered_before_it_is_closed() {
    struct Watched {
        fd: OwnedFd,
        asked: Arc<std::sync::Mutex<Vec<&'static str>>>,
    }
    impl AsRawFd for Watched {
        fn as_raw_fd(&self) -> RawFd {
            self.asked.lock().unwrap().push("asked");
            self.fd.as_raw_fd()
        }
    }
    impl Drop for Watched {
        fn drop(&mut self) {
            self.asked.lock().unwrap().push("dropped");
        }
    }
    let asked = Arc::default();
    let fd = pair().0.into();
    let watched = watch(Watched {
        fd,
        asked: Arc::clone(&asked),
    })
    .unwrap();
    asked.lock().unwrap().clear();
    drop(watched);
    assert_eq!(*asked.lock().unwrap(), ["asked", "dropped"]);
}

#[runtime::test]
async fn what_the_system_refuses_is_its_error_and_the_owner_comes_back() {
    let (near, _far) = pair();
    let near = Arc::new(near);
    let watched = watch(near.clone()).unwrap();
    let error = io::Error::from(watch(near.clone()).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = watch(near.clone()).unwrap_err();
    assert!(error.source().unwrap().is::<io::Error>());
    assert_eq!(error.to_string(), error.source().unwrap().to_string());
    let cause = error.source().unwrap();
    assert_eq!(format!("{error:?}"), format!("{cause:?}"));
    let (back, cause) = error.into_parts();
    assert!(Arc::ptr_eq(&back, &near));
    assert_eq!(cause.kind(), ErrorKind::AlreadyExists);
    drop(watched);
    watch_for(near, Interest::READABLE).unwrap();
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[runtime::test]
async fn a_regular_file_cannot_be_watched() {
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    let error = io::Error::from(watch_for(file, Interest::READABLE).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.raw_os_error().is_some());
}

/// Interest in one direction hears nothing of the other.
#[runtime::test]
async fn only_what_was_asked_for_is_watched() {
    let (near, mut far) = pair();
    let near = watch_for(near, Interest::READABLE).unwrap();
    far.write_all(b"x").unwrap();
    look(&near, Interest::READABLE).await;
    assert!(!is_ready(&near, Interest::WRITABLE));
}

fn message(call: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(call)).expect_err("it must panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn without_a_reactor_it_panics_with_the_way_out() {
    let text = message(|| drop(watch(pair().0)));
    assert!(text.contains("there is no reactor running"), "{text}");
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let _context = runtime.enter();
    let text = message(|| drop(watch(pair().0)));
    assert!(text.contains("`enable_io`"), "{text}");
}

#[test]
fn a_runtime_that_ends_ends_every_wait() {
    for runtime in [
        Runtime::new().unwrap(),
        Builder::new_current_thread().enable_all().build().unwrap(),
    ] {
        let (near, _far) = pair();
        let near = {
            let _context = runtime.enter();
            watch(near).unwrap()
        };
        runtime.block_on(async { near.writable().await.unwrap().clear_ready() });
        let (count, waker) = WakeCount::new();
        let mut cx = Context::from_waker(&waker);
        let mut readable = pin!(near.readable());
        assert!(readable.as_mut().poll(&mut cx).is_pending());
        assert!(near.poll_write_ready(&mut cx).is_pending());
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(count.get(), 2);
        let error = match readable.as_mut().poll(&mut cx) {
            Poll::Ready(Err(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(error.to_string().contains("shut"), "{error}");
        assert!(matches!(
            near.poll_write_ready(&mut cx),
            Poll::Ready(Err(_))
        ));
        assert!(matches!(
            poll_once(pin!(near.readable())),
            Poll::Ready(Err(_))
        ));
        let _context = handle.enter();
        assert!(watch(pair().0).is_err(), "nothing registers any more");
    }
}

/// A task that is always ready yields now and then.
#[runtime::test]
async fn polling_uses_the_budget_up() {
    let (near, mut far) = pair();
    let near = watch(near).unwrap();
    far.write_all(b"x").unwrap();
    look(&near, Interest::READABLE).await;
    let polls = poll_fn(|cx| {
        let mut polls = 0;
        while near.poll_read_ready(cx).is_ready() {
            polls += 1;
            assert!(polls < 10_000, "it never yields");
        }
        Poll::Ready(polls)
    })
    .await;
    assert!(polls > 0);
}

#[runtime::test]
async fn it_shows_and_lends_its_descriptor() {
    let (near, _far) = pair();
    let mut near = watch(near).unwrap();
    let raw = near.get_ref().as_raw_fd();
    assert_eq!((near.as_raw_fd(), near.as_fd().as_raw_fd()), (raw, raw));
    assert_eq!(near.get_mut().as_raw_fd(), raw);
    assert!(format!("{near:?}").starts_with("AsyncFd"));
    let guard: AsyncFdReadyGuard<'_, UnixStream> = near.writable().await.unwrap();
    assert_eq!(guard.get_ref().as_raw_fd(), guard.get_inner().as_raw_fd());
    assert!(format!("{guard:?}").contains("ready"));
}

/// The constructors of old do the same without the contract.
#[runtime::test]
#[allow(deprecated)]
async fn the_older_constructors_watch_too() {
    let (near, _far) = pair();
    let near = Arc::new(near);
    let watched = AsyncFd::new(near.clone()).unwrap();
    look(&watched, Interest::WRITABLE).await;
    let error = AsyncFd::new(near.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let (back, _) = AsyncFd::try_new(near.clone()).unwrap_err().into_parts();
    assert!(Arc::ptr_eq(&back, &near));
    drop(watched);
    drop(AsyncFd::with_interest(near.clone(), Interest::READABLE).unwrap());
    let watched = AsyncFd::try_with_interest(near, Interest::WRITABLE).unwrap();
    look(&watched, Interest::WRITABLE).await;
}
