//! The driver with real sockets. No test waits for time to pass, except to see that it is not
//! early; a hang is the sign of a lost wake.
#![cfg(unix)]

use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use io_driver::{
    Direction, Driver, Handle, Interest, Ready, ReadyEvent, Registration, Wait, is_shutdown_error,
};
use mio::net::{TcpListener, TcpStream, UnixStream};

/// Counts its wakes.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn poll<R>(self: &Arc<Self>, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }

    fn poll_ready(
        self: &Arc<Self>,
        registration: &Registration,
        direction: Direction,
    ) -> Poll<io::Result<ReadyEvent>> {
        self.poll(|cx| registration.poll_ready(cx, direction))
    }

    fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A registered socket.
struct Socket<S: mio::event::Source> {
    source: S,
    registration: Registration,
}

impl<S: mio::event::Source> Socket<S> {
    fn new(mut source: S, handle: &Handle) -> Self {
        let registration = Registration::new(&mut source, BOTH, handle).unwrap();
        Self {
            source,
            registration,
        }
    }

    fn deregister(mut self) -> S {
        self.registration.deregister(&mut self.source).unwrap();
        self.source
    }
}

fn driver() -> (Driver, Handle) {
    Driver::new(64).unwrap()
}

/// A registered end and a bare, blocking one.
fn unix_pair(handle: &Handle) -> (Socket<UnixStream>, std::os::unix::net::UnixStream) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Socket::new(UnixStream::from_std(ours), handle), theirs)
}

fn tcp_pair(handle: &Handle) -> (Socket<TcpStream>, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Socket::new(TcpStream::from_std(ours), handle), theirs)
}

/// Turns until the source shows `wanted`.
fn turn_until(driver: &mut Driver, registration: &Registration, interest: Interest, wanted: Ready) {
    while !registration.ready_event(interest).ready.contains(wanted) {
        driver.turn(Wait::Forever).unwrap();
    }
}

/// Turns until nothing more is reported.
fn settle(driver: &mut Driver) {
    while driver.turn(Wait::Now).unwrap().events > 0 {}
}

#[test]
fn a_reader_is_woken_when_data_comes_and_waits_again_once_it_is_read() {
    let (mut driver, handle) = driver();
    let (mut socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let task = Task::new();
    assert!(
        task.poll_ready(&socket.registration, Direction::Read)
            .is_pending()
    );
    let writable = task.poll_ready(&socket.registration, Direction::Write);
    assert!(matches!(writable, Poll::Ready(Ok(event)) if event.ready == Ready::WRITABLE));

    for round in 1..=3 {
        peer.write_all(b"ping").unwrap();
        let turn = driver.turn(Wait::Forever).unwrap();
        assert_eq!((turn.events, turn.woken, task.wakes()), (1, 1, round));
        let mut buffer = [0; 16];
        let Socket {
            source,
            registration,
        } = &mut socket;
        let mut read = || {
            task.poll(|cx| registration.poll_io(cx, Direction::Read, || source.read(&mut buffer)))
        };
        assert!(matches!(read(), Poll::Ready(Ok(4))));
        assert!(read().is_pending());
    }
    assert_eq!(handle.ready_count(), 4);
}

#[test]
fn a_writer_waits_for_room() {
    let (mut driver, handle) = driver();
    let (mut socket, mut peer) = unix_pair(&handle);
    turn_until(&mut driver, &socket.registration, BOTH, Ready::WRITABLE);
    let task = Task::new();
    let mut sent = 0;
    let Socket {
        source,
        registration,
    } = &mut socket;
    let mut write = |task: &Arc<Task>| {
        task.poll(|cx| registration.poll_io(cx, Direction::Write, || source.write(&[1; 4096])))
    };
    while let Poll::Ready(result) = write(&task) {
        sent += result.unwrap();
    }
    let mut room = vec![0; sent];
    peer.read_exact(&mut room).unwrap();
    while task.wakes() == 0 {
        driver.turn(Wait::Forever).unwrap();
    }
    assert!(write(&task).is_ready());
}

#[test]
fn try_io_does_not_call_before_the_source_is_ready_and_clears_when_it_blocks() {
    let (mut driver, handle) = driver();
    let (mut socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let Socket {
        source,
        registration,
    } = &mut socket;
    let refused = registration.try_io(Interest::READABLE, || -> io::Result<()> {
        panic!("called although nothing is ready")
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::WouldBlock);

    peer.write_all(b"x").unwrap();
    driver.turn(Wait::Forever).unwrap();
    let mut read = || {
        let mut called = false;
        let result = registration.try_io(Interest::READABLE, || {
            called = true;
            source.read(&mut [0; 8])
        });
        (called, result.map_err(|error| error.kind()))
    };
    assert_eq!(read(), (true, Ok(1)));
    assert_eq!(read(), (true, Err(ErrorKind::WouldBlock)));
    assert_eq!(read(), (false, Err(ErrorKind::WouldBlock)));
}

#[test]
fn a_half_closed_stream_reads_its_end_for_ever_and_still_writes() {
    let (mut driver, handle) = driver();
    let (mut socket, mut peer) = tcp_pair(&handle);
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    turn_until(&mut driver, &socket.registration, BOTH, Ready::READ_CLOSED);
    let registration = &socket.registration;
    let event = registration.ready_event(BOTH);
    assert!(!event.ready.is_write_closed());
    registration.clear(event);
    let left = registration.ready_event(BOTH).ready;
    assert_eq!(left, Ready::READ_CLOSED, "closed bits are never cleared");
    let task = Task::new();
    assert!(task.poll_ready(registration, Direction::Read).is_ready());
    assert_eq!(socket.source.read(&mut [0; 8]).unwrap(), 0);
    socket.source.write_all(b"still here").unwrap();
    let mut received = [0; 10];
    peer.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"still here");
}

#[test]
fn a_reset_wakes_both_sides_with_an_error() {
    let (mut driver, handle) = driver();
    let (mut socket, peer) = tcp_pair(&handle);
    settle(&mut driver);
    let registration = &socket.registration;
    registration.clear(registration.ready_event(BOTH));
    let (reader, writer) = (Task::new(), Task::new());
    assert!(
        reader
            .poll_ready(registration, Direction::Read)
            .is_pending()
    );
    assert!(
        writer
            .poll_ready(registration, Direction::Write)
            .is_pending()
    );
    // Unread data at close makes the kernel answer with a reset.
    socket.source.write_all(b"unread").unwrap();
    peer.peek(&mut [0; 8]).unwrap();
    drop(peer);
    let closed = Ready::READ_CLOSED | Ready::WRITE_CLOSED;
    turn_until(&mut driver, registration, BOTH, closed);
    let all = BOTH | Interest::ERROR;
    assert!(registration.ready_event(all).ready.is_error());
    assert!(reader.wakes() > 0 && writer.wakes() > 0);
    let error = socket.source.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_of_datagrams_is_woken_when_the_peer_is_unreachable() {
    let (mut driver, handle) = driver();
    let ours = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ours.connect(gone.local_addr().unwrap()).unwrap();
    ours.set_nonblocking(true).unwrap();
    drop(gone);
    let socket = Socket::new(mio::net::UdpSocket::from_std(ours), &handle);
    settle(&mut driver);
    let task = Task::new();
    let receive = || {
        task.poll(|cx| {
            let receive = || socket.source.recv(&mut [0; 8]);
            socket.registration.poll_io(cx, Direction::Read, receive)
        })
    };
    assert!(receive().is_pending());
    socket.source.send(b"anybody?").unwrap();
    while task.wakes() == 0 {
        driver.turn(Wait::Forever).unwrap();
    }
    assert!(
        matches!(receive(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::ConnectionRefused)
    );
}

#[test]
fn a_listener_is_ready_for_each_connection() {
    let (mut driver, handle) = driver();
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let socket = Socket::new(listener, &handle);
    let task = Task::new();
    let mut peers = Vec::new();
    for _ in 0..3 {
        let accept = || {
            let Socket {
                source,
                registration,
            } = &socket;
            task.poll(|cx| registration.poll_io(cx, Direction::Read, || source.accept()))
        };
        assert!(accept().is_pending());
        peers.push(std::net::TcpStream::connect(address).unwrap());
        let woken = task.wakes();
        while task.wakes() == woken {
            driver.turn(Wait::Forever).unwrap();
        }
        assert!(accept().is_ready());
    }
}

#[test]
fn a_wake_from_another_thread_ends_a_turn_without_end() {
    let (mut driver, handle) = driver();
    let start = Arc::new(Barrier::new(2));
    let (done, seen) = mpsc::channel();
    let waker = thread::spawn({
        let start = start.clone();
        move || {
            for _ in 0..200 {
                start.wait();
                handle.wake();
                handle.wake();
                seen.recv().unwrap();
            }
        }
    });
    for _ in 0..200 {
        start.wait();
        while !driver.turn(Wait::Forever).unwrap().woken_by_handle {}
        done.send(()).unwrap();
    }
    waker.join().unwrap();
}

#[test]
fn wakes_before_a_turn_end_it_and_count_once() {
    let (mut driver, handle) = driver();
    (0..1_000).for_each(|_| handle.wake());
    assert!(driver.turn(Wait::Forever).unwrap().woken_by_handle);
    assert!(!driver.turn(Wait::Now).unwrap().woken_by_handle);
    handle.wake();
    assert!(driver.turn(Wait::Forever).unwrap().woken_by_handle);
}

#[test]
fn a_second_poll_in_a_direction_replaces_the_waker() {
    let (mut driver, handle) = driver();
    let (socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let (first, second) = (Task::new(), Task::new());
    assert!(
        first
            .poll_ready(&socket.registration, Direction::Read)
            .is_pending()
    );
    assert!(
        second
            .poll_ready(&socket.registration, Direction::Read)
            .is_pending()
    );
    assert_eq!(
        Arc::strong_count(&first),
        1,
        "the replaced waker is dropped"
    );
    peer.write_all(b"x").unwrap();
    driver.turn(Wait::Forever).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

#[test]
fn any_number_of_readiness_futures_is_woken_and_dropped_ones_leave_nothing() {
    let (mut driver, handle) = driver();
    let (socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let (waiting, cancelled) = (Task::new(), Task::new());
    let mut futures: Vec<_> = (0..100)
        .map(|_| Box::pin(socket.registration.readiness(Interest::READABLE)))
        .collect();
    for (index, future) in futures.iter_mut().enumerate() {
        let task = if index % 2 == 0 { &waiting } else { &cancelled };
        assert!(task.poll(|cx| future.as_mut().poll(cx)).is_pending());
    }
    let mut index = 0;
    futures.retain(|_| {
        index += 1;
        index % 2 == 1
    });
    assert_eq!(Arc::strong_count(&cancelled), 1);
    peer.write_all(b"x").unwrap();
    assert_eq!(driver.turn(Wait::Forever).unwrap().woken, 50);
    assert_eq!((waiting.wakes(), cancelled.wakes()), (50, 0));
    for future in &mut futures {
        assert!(waiting.poll(|cx| future.as_mut().poll(cx)).is_ready());
    }
    assert_eq!(Arc::strong_count(&waiting), 1);
}

#[test]
fn async_io_waits_until_the_operation_does_not_block() {
    let (mut driver, handle) = driver();
    let (mut socket, mut peer) = unix_pair(&handle);
    let task = Task::new();
    let Socket {
        source,
        registration,
    } = &mut socket;
    let mut buffer = [0; 8];
    let mut read = pin!(registration.async_io(Interest::READABLE, || source.read(&mut buffer)));
    assert!(task.poll(|cx| read.as_mut().poll(cx)).is_pending());
    peer.write_all(b"abc").unwrap();
    while task.wakes() == 0 {
        driver.turn(Wait::Forever).unwrap();
    }
    assert!(matches!(
        task.poll(|cx| read.as_mut().poll(cx)),
        Poll::Ready(Ok(3))
    ));
}

/// A duplicate of the file keeps the kernel's entry alive after the registered one was closed, so
/// its events come for a slot that somebody else has by now.
#[test]
fn an_event_of_a_gone_registration_does_not_touch_the_next_owner_of_its_slot() {
    let (mut driver, handle) = driver();
    for _ in 0..50 {
        let (ours, mut old_peer) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let _keeps_the_file_open = ours.try_clone().unwrap();
        let old = Socket::new(UnixStream::from_std(ours), &handle);
        settle(&mut driver);
        drop(old); // Closed without `deregister`.

        let (new, mut new_peer) = unix_pair(&handle);
        settle(&mut driver);
        let task = Task::new();
        assert!(
            task.poll_ready(&new.registration, Direction::Read)
                .is_pending()
        );
        old_peer.write_all(b"late").unwrap();
        let turn = driver.turn(Wait::Now).unwrap();
        assert_eq!((turn.events, turn.woken, task.wakes()), (0, 0, 0));
        assert!(
            task.poll_ready(&new.registration, Direction::Read)
                .is_pending()
        );
        new_peer.write_all(b"mine").unwrap();
        driver.turn(Wait::Forever).unwrap();
        assert_eq!(task.wakes(), 1);
    }
}

#[test]
fn a_deregistered_source_with_an_event_on_its_way_is_harmless() {
    let (mut driver, handle) = driver();
    let (socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let task = Task::new();
    assert!(
        task.poll_ready(&socket.registration, Direction::Read)
            .is_pending()
    );
    peer.write_all(b"x").unwrap();
    let mut source = socket.deregister();
    assert_eq!(Arc::strong_count(&task), 1, "the waker is dropped");
    assert_eq!(driver.turn(Wait::Now).unwrap().events, 0);
    assert_eq!(task.wakes(), 0);
    // The source can be registered again and shows its state.
    let again = Registration::new(&mut source, BOTH, &handle).unwrap();
    turn_until(&mut driver, &again, BOTH, Ready::READABLE);
    assert_eq!((handle.fd_registered(), handle.fd_deregistered()), (2, 1));
    assert_eq!(handle.registered(), 1);
}

#[test]
fn sources_come_and_go_on_many_threads_while_the_driver_turns() {
    let (mut driver, handle) = driver();
    let stop = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (handle, stop) = (handle.clone(), stop.clone());
            thread::spawn(move || {
                for _ in 0..300 {
                    let (socket, mut peer) = unix_pair(&handle);
                    let (sender, woken) = mpsc::channel();
                    let waker = Waker::from(Arc::new(Notifies(sender)));
                    let mut cx = Context::from_waker(&waker);
                    peer.write_all(b"x").unwrap();
                    while socket
                        .registration
                        .poll_ready(&mut cx, Direction::Read)
                        .is_pending()
                    {
                        woken
                            .recv_timeout(Duration::from_secs(30))
                            .expect("a lost wake");
                    }
                    drop(socket.deregister());
                }
                stop.fetch_add(1, Ordering::SeqCst);
                handle.wake();
            })
        })
        .collect();
    while stop.load(Ordering::SeqCst) < 3 {
        driver.turn(Wait::Forever).unwrap();
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(handle.registered(), 0);
}

struct Notifies(mpsc::Sender<()>);

impl Wake for Notifies {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(()); // The receiver may be satisfied already.
    }
}

/// Regular files cannot be watched: the slot is given back.
#[cfg(target_os = "linux")]
#[test]
fn a_source_that_the_system_refuses_takes_no_slot() {
    use mio::unix::SourceFd;
    use std::os::fd::AsRawFd;

    let (_driver, handle) = driver();
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let error = Registration::new(&mut SourceFd(&file.as_raw_fd()), BOTH, &handle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(handle.registered(), 0);
}

#[test]
fn shutdown_wakes_everybody_with_an_error_and_refuses_newcomers() {
    let (mut driver, handle) = driver();
    let sockets: Vec<_> = (0..300).map(|_| unix_pair(&handle)).collect();
    settle(&mut driver);
    let (single, listed) = (Task::new(), Task::new());
    let mut futures = Vec::new();
    for (socket, _) in &sockets {
        assert!(
            single
                .poll_ready(&socket.registration, Direction::Read)
                .is_pending()
        );
        let mut future = Box::pin(socket.registration.readiness(Interest::READABLE));
        assert!(listed.poll(|cx| future.as_mut().poll(cx)).is_pending());
        futures.push(future);
    }
    driver.shutdown();
    assert_eq!((single.wakes(), listed.wakes()), (300, 300));
    for (socket, _) in &sockets {
        for direction in [Direction::Read, Direction::Write] {
            let Poll::Ready(Err(error)) = single.poll_ready(&socket.registration, direction) else {
                panic!("a wait after shutdown");
            };
            assert!(is_shutdown_error(&error));
            assert!(error.to_string().contains("is being shutdown"));
        }
    }
    for mut future in futures {
        let told = listed.poll(|cx| future.as_mut().poll(cx));
        assert!(matches!(told, Poll::Ready(Err(error)) if is_shutdown_error(&error)));
    }
    let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let error = Registration::new(&mut UnixStream::from_std(ours), BOTH, &handle).unwrap_err();
    assert!(is_shutdown_error(&error));
    driver.shutdown();
    drop(driver);
    drop(sockets);
    assert_eq!(handle.registered(), 0);
}

#[test]
fn a_dropped_driver_is_a_shutdown() {
    let (driver, handle) = driver();
    let (socket, _peer) = unix_pair(&handle);
    let task = Task::new();
    assert!(
        task.poll_ready(&socket.registration, Direction::Read)
            .is_pending()
    );
    drop(driver);
    assert_eq!(task.wakes(), 1);
    assert!(matches!(
        task.poll_ready(&socket.registration, Direction::Read),
        Poll::Ready(Err(_))
    ));
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn a_panicking_waker_costs_nobody_else_the_wake() {
    let (mut driver, handle) = driver();
    let (socket, mut peer) = unix_pair(&handle);
    settle(&mut driver);
    let registration = &socket.registration;
    let waker = Waker::from(Arc::new(Panicking));
    let mut cx = Context::from_waker(&waker);
    assert!(
        registration
            .poll_ready(&mut cx, Direction::Read)
            .is_pending()
    );
    let task = Task::new();
    let mut future = pin!(registration.readiness(Interest::READABLE));
    assert!(task.poll(|cx| future.as_mut().poll(cx)).is_pending());
    peer.write_all(b"x").unwrap();
    driver.turn(Wait::Forever).unwrap();
    assert_eq!((task.wakes(), handle.waker_panics()), (1, 1));
    assert!(task.poll(|cx| future.as_mut().poll(cx)).is_ready());
}

/// Turns until the clock has reached the deadline; returns how late that was seen.
fn wait_until(driver: &mut Driver, origin: Instant, until_ns: u64) -> u64 {
    loop {
        let now_ns = origin.elapsed().as_nanos() as u64;
        if now_ns >= until_ns {
            return now_ns - until_ns;
        }
        driver.turn(Wait::For { now_ns, until_ns }).unwrap();
    }
}

/// The timer ends a wait, is armed again after it went off, and a wait that it ended is not early.
#[test]
fn a_precise_wait_ends_and_its_timer_can_be_armed_again() {
    let (mut driver, _handle) = driver();
    let origin = Instant::now();
    let mut late: Vec<_> = (0..50)
        .map(|_| {
            let now_ns = origin.elapsed().as_nanos() as u64;
            let until_ns = now_ns + 300_000;
            let turn = driver.turn(Wait::For { now_ns, until_ns }).unwrap();
            let after_ns = origin.elapsed().as_nanos() as u64;
            if cfg!(target_os = "linux") {
                assert!(turn.timer_fired);
            }
            assert!(after_ns >= until_ns, "early by {}", until_ns - after_ns);
            after_ns - until_ns
        })
        .collect();
    late.sort_unstable();
    println!("median lateness of a 300 µs wait: {} ns", late[25]);
}

/// A later deadline leaves the armed timer alone, an earlier one sets it.
#[test]
fn earlier_and_later_deadlines_are_all_met() {
    let (mut driver, handle) = driver();
    let origin = Instant::now();
    let hour_ns = 3_600_000_000_000;
    // Arms for an hour ahead, but leaves at once.
    handle.wake();
    let wait = Wait::For {
        now_ns: 0,
        until_ns: hour_ns,
    };
    assert!(driver.turn(wait).unwrap().woken_by_handle);
    // Earlier than what is armed, then later than what has gone off.
    for delay_ns in [2_000_000, 500_000, 3_000_000, 4_000] {
        let until_ns = origin.elapsed().as_nanos() as u64 + delay_ns;
        wait_until(&mut driver, origin, until_ns);
    }
    // Leaves a wait before its time; the next, later one may end early once, and must end.
    let now_ns = origin.elapsed().as_nanos() as u64;
    handle.wake();
    let until_ns = now_ns + 1_000_000;
    driver.turn(Wait::For { now_ns, until_ns }).unwrap();
    wait_until(&mut driver, origin, now_ns + 5_000_000);
    assert!(origin.elapsed() < Duration::from_secs(60));
}

/// An expiry that nobody fetched before the timer was set again is not reported for the new one.
#[cfg(target_os = "linux")]
#[test]
fn a_timer_set_after_an_unfetched_expiry_waits_for_the_new_time() {
    let (mut driver, handle) = driver();
    let origin = Instant::now();
    handle.wake();
    let wait = Wait::For {
        now_ns: 0,
        until_ns: 100_000,
    };
    // The wake may end this turn before the timer goes off.
    let turn = driver.turn(wait).unwrap();
    while origin.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
    let now_ns = origin.elapsed().as_nanos() as u64;
    let until_ns = now_ns + 2_000_000;
    let second = driver.turn(Wait::For { now_ns, until_ns }).unwrap();
    assert!(turn.woken_by_handle && second.timer_fired);
    assert!(
        origin.elapsed() >= Duration::from_nanos(until_ns),
        "a stale expiry ended the wait"
    );
}

/// The kernel's clock may be ahead of the caller's: the timer went off, but the wait is not over.
#[test]
fn a_timer_that_went_off_too_soon_is_set_again() {
    let (mut driver, _handle) = driver();
    let wait = Wait::For {
        now_ns: 0,
        until_ns: 200_000,
    };
    for _ in 0..3 {
        let origin = Instant::now();
        driver.turn(wait).unwrap();
        assert!(origin.elapsed() >= Duration::from_micros(200));
    }
}

/// After the caller's clock jumped, the armed time means nothing.
#[test]
fn a_clock_that_was_set_does_not_leave_a_wait_hanging() {
    let (mut driver, handle) = driver();
    let hour_ns = 3_600_000_000_000;
    handle.wake();
    let wait = Wait::For {
        now_ns: 0,
        until_ns: 3 * hour_ns,
    };
    driver.turn(wait).unwrap();
    driver.clock_was_set();
    let wait = Wait::For {
        now_ns: 3 * hour_ns - 10,
        until_ns: 3 * hour_ns + 1_000_000,
    };
    let turn = driver.turn(wait).unwrap();
    assert_eq!(turn.events, 0);
}

#[test]
fn a_wait_that_is_over_or_not_worth_a_timer_returns_at_once() {
    let (mut driver, _handle) = driver();
    for (now_ns, until_ns) in [(5, 5), (9, 5), (5, 6), (0, 2_000)] {
        let turn = driver.turn(Wait::For { now_ns, until_ns }).unwrap();
        assert_eq!(turn, io_driver::Turn::default());
    }
}

#[test]
fn handles_and_registrations_are_thread_and_unwind_safe() {
    fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    fn send<T: Send>() {}
    check::<Handle>();
    check::<Registration>();
    send::<Driver>();
    send::<io_driver::Readiness<'_>>();
}
