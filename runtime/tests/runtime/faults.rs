//! Faults that the system deals: descriptors that run out, signals, descriptors taken away,
//! sockets reset. Most need the process to themselves, so they run in a child.
#![cfg(all(target_os = "linux", feature = "net"))]

use crate::support::*;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::{Builder, Runtime};
use runtime::task;
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Lowers the limit of open files, so that running out of them takes few.
fn limit_open_files(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: the call reads one `rlimit`, which outlives it.
    let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(outcome, 0, "the limit cannot be lowered");
}

/// Files opened until no more can be.
fn hoard() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Puts `/dev/null` in the place of an open descriptor, which closes what was there.
fn replace(fd: RawFd) {
    let null = File::open("/dev/null").unwrap();
    // SAFETY: both descriptors are open.
    let outcome = unsafe { libc::dup2(null.as_raw_fd(), fd) };
    assert_eq!(outcome, fd);
}

async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    runtime::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            runtime::spawn(async move {
                let mut bytes = [0; 64];
                while let Ok(count) = socket.read(&mut bytes).await {
                    if count == 0 || socket.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn exchange(socket: &mut TcpStream) {
    socket.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}

/// Whichever of its descriptors is the one too many.
#[test]
fn building_without_descriptors_fails_and_leaks_none() {
    in_child!("building_without_descriptors_fails_and_leaks_none", || {
        limit_open_files(64);
        let builders: [fn() -> std::io::Result<Runtime>; 2] = [
            || {
                Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
            },
            || Builder::new_current_thread().enable_all().build(),
        ];
        for build in builders {
            let threads_before = threads();
            let mut hoard = hoard();
            let mut failed = 0;
            loop {
                match build() {
                    Ok(runtime) => {
                        runtime.block_on(async {
                            runtime::time::sleep(Duration::from_millis(1)).await;
                        });
                        break;
                    }
                    Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE)),
                }
                failed += 1;
                // Exactly as many are free as before the attempt.
                let free: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
                assert_eq!(free.len() + 1, failed);
                hoard.pop();
            }
            // The poll, its clone for registrations, the waker, the timer.
            assert!(failed >= 3, "{failed}");
            assert_eq!(threads(), threads_before);
        }
    });
}

/// The error goes to the caller, and the connection that waited is accepted afterwards, although
/// no new event comes for it.
#[test]
fn a_listener_survives_running_out_of_descriptors() {
    in_child!("a_listener_survives_running_out_of_descriptors", || {
        limit_open_files(64);
        multi(2).block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (say, was_refused) = runtime::sync::oneshot::channel();
            let server = runtime::spawn(async move {
                let mut say = Some(say);
                let mut refused = 0;
                loop {
                    match listener.accept().await {
                        Ok((mut socket, _)) => {
                            socket.write_all(b"!").await.unwrap();
                            return refused;
                        }
                        Err(error) => {
                            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                            refused += 1;
                            if let Some(say) = say.take() {
                                say.send(()).unwrap();
                            }
                            task::yield_now().await;
                        }
                    }
                }
            });
            let socket = std::net::TcpStream::connect;
            // A descriptor for the client, taken before there are none.
            let reserve = File::open("/dev/null").unwrap();
            let hoard = hoard();
            drop(reserve);
            let client = socket(address).unwrap();
            was_refused.await.unwrap();
            drop(hoard);
            client.set_nonblocking(true).unwrap();
            let mut client = TcpStream::from_std(client).unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'!');
            assert!(server.await.unwrap() > 0);
        });
    });
}

/// Every wait is interrupted, over and over; no call says so and no timer is early.
#[test]
fn signals_interrupt_no_operation() {
    in_child!("signals_interrupt_no_operation", || {
        let caught = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGUSR1, caught.clone()).unwrap();
        for runtime in both(2) {
            let stop = Arc::new(AtomicBool::new(false));
            let flag = stop.clone();
            let sender = std::thread::spawn(move || {
                while !flag.load(SeqCst) {
                    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
                        let id: i32 = thread
                            .unwrap()
                            .file_name()
                            .to_str()
                            .unwrap()
                            .parse()
                            .unwrap();
                        let process = std::process::id();
                        // SAFETY: no memory is involved; the process handles the signal.
                        unsafe { libc::syscall(libc::SYS_tgkill, process, id, libc::SIGUSR1) };
                    }
                }
            });
            runtime.block_on(async {
                let address = echo_server().await;
                let clients: Vec<_> = (0..4)
                    .map(|_| {
                        runtime::spawn(async move {
                            let mut socket = TcpStream::connect(address).await.unwrap();
                            for _ in 0..50 {
                                exchange(&mut socket).await;
                                let begin = Instant::now();
                                runtime::time::sleep(Duration::from_micros(300)).await;
                                assert!(begin.elapsed() >= Duration::from_micros(300));
                                runtime::spawn_blocking(|| {}).await.unwrap();
                            }
                        })
                    })
                    .collect();
                for client in clients {
                    client.await.unwrap();
                }
            });
            stop.store(true, SeqCst);
            sender.join().unwrap();
        }
        assert!(caught.load(SeqCst));
    });
}

/// Sockets, the poll and all else stay here.
#[test]
fn a_program_that_is_started_inherits_no_descriptor() {
    in_child!("a_program_that_is_started_inherits_no_descriptor", || {
        let list = || {
            let output = Command::new("ls").args(["/proc/self/fd"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let before = list();
        let runtime = multi(2);
        runtime.block_on(async {
            let address = echo_server().await;
            let mut socket = TcpStream::connect(address).await.unwrap();
            exchange(&mut socket).await;
            let after = runtime::spawn_blocking(list).await.unwrap();
            assert_eq!(before, after);
            assert_eq!(
                before
                    .lines()
                    .filter(|fd| fd.parse::<u32>().unwrap() < 3)
                    .count(),
                3
            );
        });
    });
}

/// A descriptor is closed behind our back, and its number taken by something else.
#[test]
fn a_socket_closed_behind_our_back_stops_nobody_else() {
    in_child!("a_socket_closed_behind_our_back_stops_nobody_else", || {
        for runtime in both(2) {
            runtime.block_on(async {
                let address = echo_server().await;
                let mut socket = TcpStream::connect(address).await.unwrap();
                exchange(&mut socket).await;
                let fd = socket.as_raw_fd();
                let waits = runtime::spawn(async move { socket.read(&mut [0]).await });
                task::yield_now().await;
                replace(fd);
                let idle = TcpStream::connect(address).await.unwrap();
                let idle_fd = idle.as_raw_fd();
                replace(idle_fd);
                // No socket any more: an error, or the end, but no crash.
                let _ = idle.try_write(b"x");
                let _ = idle.try_read(&mut [0]);
                drop(idle);
                let mut other = TcpStream::connect(address).await.unwrap();
                for _ in 0..20 {
                    exchange(&mut other).await;
                }
                // It waits for ever, or has met what is there now.
                waits.abort();
                let _ = waits.await;
                exchange(&mut other).await;
            });
        }
    });
}

/// Loses the poll's own descriptor: no progress is possible any more.
#[test]
fn child_loses_its_poll() {
    if !is_child() {
        return;
    }
    let runtime = multi(2);
    runtime.block_on(async {
        let address = echo_server().await;
        for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
            let entry = entry.unwrap();
            let is_poll = std::fs::read_link(entry.path())
                .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]");
            if is_poll {
                replace(entry.file_name().to_str().unwrap().parse().unwrap());
            }
        }
        // Wakes whoever waits in the poll; the worker's panic comes first or this fails too.
        let _ = TcpStream::connect(address).await;
        runtime::spawn(std::future::pending::<()>()).await.unwrap();
    });
}

/// A worker is never missing in silence.
#[test]
fn a_worker_that_cannot_go_on_ends_the_process() {
    let _bound = hang_bound();
    let output = child!("child_loses_its_poll").output().unwrap();
    let texts = texts(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{texts}");
    assert_contains(
        &texts,
        &["poll failed", "a worker panicked", "the process ends"],
    );
}

/// With the signal's default action, which would end the process.
#[test]
fn writing_to_a_reset_peer_is_an_error() {
    in_child!("writing_to_a_reset_peer_is_an_error", || {
        // SAFETY: sets the default action; no handler of ours is involved.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        for runtime in both(2) {
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                let (server, _) = listener.accept().await.unwrap();
                server.set_zero_linger().unwrap();
                drop(server);
                let mut failures = 0;
                while failures < 3 {
                    failures += usize::from(client.write_all(&[0; 1024]).await.is_err());
                }
                // After the error was taken, the end or another error, at once.
                assert!(!matches!(client.read(&mut [0]).await, Ok(1..)));
            });
        }
    });
}

/// The side that was not closed goes on.
#[test]
fn a_half_closed_connection_still_carries_the_other_half() {
    for runtime in both(2) {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            for i in 0..100 {
                server.write_all(&[i]).await.unwrap();
                assert_eq!(client.read_u8().await.unwrap(), i);
            }
            assert!(client.write_all(b"x").await.is_err());
            drop(server);
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        });
    }
}

/// Sums of all threads: clock ticks of CPU time, and voluntary context switches.
fn usage() -> (u64, u64) {
    let (mut ticks, mut switches) = (0, 0);
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = thread.unwrap().path();
        let stat = std::fs::read_to_string(path.join("stat")).unwrap();
        // Behind the name, which may hold spaces: state is the third field of all.
        let fields: Vec<_> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        let status = std::fs::read_to_string(path.join("status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary"))
            .unwrap();
        switches += line
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap();
    }
    (ticks, switches)
}

/// With sockets open, timers armed far away and tasks parked.
#[test]
fn an_idle_runtime_uses_no_cpu() {
    in_child!("an_idle_runtime_uses_no_cpu", || {
        let runtime = multi(2);
        runtime.block_on(async {
            let address = echo_server().await;
            let mut socket = TcpStream::connect(address).await.unwrap();
            exchange(&mut socket).await;
            runtime::spawn(runtime::time::sleep(Duration::from_secs(3600)));
            runtime::spawn(async move {
                let _ = socket.read(&mut [0]).await;
            });
            runtime::spawn(std::future::pending::<()>());
            runtime::spawn_blocking(|| {}).await.unwrap();
        });
        // The monitor needs a look or two to see that all is quiet.
        std::thread::sleep(Duration::from_millis(300));
        let (ticks_before, switches_before) = usage();
        std::thread::sleep(Duration::from_secs(3));
        let (ticks, switches) = usage();
        let (ticks, switches) = (ticks - ticks_before, switches - switches_before);
        println!("3 s idle: {ticks} ticks of CPU time, {switches} context switches");
        assert!(ticks <= 2, "{ticks} ticks");
        assert!(switches < 20, "{switches} switches");
    });
}

#[test]
fn sleeps_are_never_early() {
    let mut late = Vec::new();
    for runtime in both(2) {
        let mut random = 0x2545_f491_u64;
        late.extend(runtime.block_on(async {
            let tasks: Vec<_> = (0..150)
                .map(|_| {
                    // An xorshift, for times that lie anywhere within a tick.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let time = Duration::from_nanos(1_000_000 + random % 4_000_000);
                    runtime::spawn(async move {
                        task::yield_now().await;
                        let begin = Instant::now();
                        runtime::time::sleep(time).await;
                        let slept = begin.elapsed();
                        assert!(slept >= time, "{slept:?} instead of {time:?}");
                        slept - time
                    })
                })
                .collect();
            let mut late = Vec::new();
            for task in tasks {
                late.push(task.await.unwrap());
            }
            late
        }));
    }
    late.sort_unstable();
    println!(
        "lateness of {} sleeps: median {:?}",
        late.len(),
        late[late.len() / 2]
    );
}

/// Accepts what `strace` lets through.
#[test]
fn child_accepts_despite_aborted_connections() {
    if !is_child() {
        return;
    }
    multi(2).block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let mut aborted = 0;
        loop {
            match listener.accept().await {
                Ok((_, peer)) => {
                    assert_eq!(peer, client.local_addr().unwrap());
                    break;
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ECONNABORTED));
                    aborted += 1;
                }
            }
        }
        println!("aborted={aborted}");
    });
}

#[test]
fn an_aborted_connection_is_an_error_of_one_accept() {
    let _bound = hang_bound();
    let works = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    if !works.is_ok_and(|output| output.status.success()) {
        println!("skipped: no strace");
        return;
    }
    let child = child!("child_accepts_despite_aborted_connections");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=accept4"])
        .args(["-e", "inject=accept4:error=ECONNABORTED:when=1..3"])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(
            child
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    let texts = texts(&output);
    assert!(output.status.success(), "{texts}");
    assert_contains(&texts, &["aborted=3"]);
}

/// The overflow is reported as on any thread of std's.
#[test]
fn child_overflows_its_stack() {
    if !is_child() {
        return;
    }
    fn deeper(depth: usize) -> usize {
        let page = std::hint::black_box([depth; 512]);
        match page[0] {
            usize::MAX => 0,
            _ => deeper(depth + 1) + page[depth % 512],
        }
    }
    let runtime = multi(1);
    let task = runtime.spawn(async { std::hint::black_box(deeper(0)) });
    let _ = runtime.block_on(task);
}

#[test]
fn a_stack_overflow_in_a_task_is_reported() {
    let _bound = hang_bound();
    let output = child!("child_overflows_its_stack").output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    assert_contains(&texts(&output), &[THREAD, "has overflowed its stack"]);
}

#[test]
fn child_exits_in_a_task() {
    if !is_child() {
        return;
    }
    let runtime = multi(2);
    for _ in 0..100 {
        runtime.spawn(std::future::pending::<()>());
    }
    let task = runtime.spawn(async { std::process::exit(33) });
    let _ = runtime.block_on(task);
}

#[test]
fn a_task_may_end_the_process() {
    let _bound = hang_bound();
    assert_eq!(
        child!("child_exits_in_a_task").status().unwrap().code(),
        Some(33)
    );
}

/// Wakers of others that panic: on the worker that fires the timer, and on the reactor's.
#[test]
fn a_foreign_waker_that_panics_takes_no_worker_with_it() {
    struct Bad(AtomicUsize);
    impl std::task::Wake for Bad {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
            panic!("foreign waker");
        }
    }
    let _bound = hang_bound();
    for runtime in both(1) {
        let bad = Arc::new(Bad(AtomicUsize::new(0)));
        let waker = std::task::Waker::from(bad.clone());
        runtime.block_on(async {
            let task = runtime::spawn(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut sleep = Box::pin(runtime::time::sleep(Duration::from_millis(1)));
                {
                    let mut cx = std::task::Context::from_waker(&waker);
                    assert!(sleep.as_mut().poll(&mut cx).is_pending());
                    assert!(listener.poll_accept(&mut cx).is_pending());
                }
                let _client = TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                while bad.0.load(SeqCst) < 2 {
                    runtime::time::sleep(Duration::from_millis(1)).await;
                }
                let task = runtime::spawn(async { 1 });
                task.await.unwrap()
            });
            assert_eq!(task.await.unwrap(), 1);
        });
    }
}
