//! Systems that refuse calls: old kernels, and sandboxes. What the runtime has another way for, it
//! does that way, and programs do not notice. Each call is refused in a process of its own.
#![cfg(all(
    target_os = "linux",
    feature = "net",
    feature = "fs",
    feature = "process",
    feature = "signal"
))]

use crate::support::*;
use libc::c_long;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::process::Command;
use runtime::signal::unix::{SignalKind, signal};
use runtime::sync::oneshot;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What may be missing, by name.
const CALLS: &[(&str, &[c_long])] = &[
    ("timerfd_create", &[libc::SYS_timerfd_create]),
    ("timerfd_settime", &[libc::SYS_timerfd_settime]),
    ("eventfd", &[libc::SYS_eventfd2]),
    ("pidfd_open", &[libc::SYS_pidfd_open]),
    ("openat2", &[libc::SYS_openat2]),
    ("preadv2", &[libc::SYS_preadv2]),
    ("fstatfs", &[libc::SYS_fstatfs]),
    ("statx", &[libc::SYS_statx]),
    ("prctl", &[libc::SYS_prctl]),
    ("sched_getaffinity", &[libc::SYS_sched_getaffinity]),
    ("membarrier", &[libc::SYS_membarrier]),
    ("io_uring", &[libc::SYS_io_uring_setup]),
    ("socketpair", &[libc::SYS_socketpair]),
    ("copy_file_range", &[libc::SYS_copy_file_range]),
    ("getrandom", &[libc::SYS_getrandom]),
    (
        "all that can be told from errors",
        &[
            libc::SYS_timerfd_create,
            libc::SYS_eventfd2,
            libc::SYS_pidfd_open,
            libc::SYS_openat2,
            libc::SYS_preadv2,
            libc::SYS_fstatfs,
            libc::SYS_sched_getaffinity,
            libc::SYS_io_uring_setup,
            libc::SYS_socketpair,
        ],
    ),
];

const ERRORS: &[i32] = &[libc::ENOSYS, libc::EPERM, libc::EACCES];

/// What std makes of a call is not ours: of these errors it has another way for so many.
fn errors(name: &str) -> &'static [i32] {
    match name {
        "statx" => &ERRORS[..1],
        "copy_file_range" => &ERRORS[..2],
        _ => ERRORS,
    }
}

/// Says to a child what it does without: an index into each of the lists.
const MISSING: &str = "RUNTIME_TEST_MISSING";

#[test]
fn child_does_without_a_call() {
    let Ok(missing) = std::env::var(MISSING) else {
        return;
    };
    let (call, error) = missing.split_once(' ').unwrap();
    let (_, calls) = CALLS[call.parse::<usize>().unwrap()];
    refuse_calls(calls, ERRORS[error.parse::<usize>().unwrap()]);
    let scratch = std::env::temp_dir().join(format!("runtime-sandbox-{}", std::process::id()));
    std::fs::create_dir(&scratch).unwrap();
    for runtime in both(2) {
        runtime.block_on(async {
            timers_end_and_are_not_early().await;
            a_sleeping_driver_is_woken().await;
            sockets_carry().await;
            children_end().await;
            files_are_read(&scratch).await;
            signals_come().await;
        });
    }
    std::fs::remove_dir_all(&scratch).unwrap();
}

#[test]
fn a_call_that_the_system_refuses_is_done_without() {
    let _bound = hang_bound();
    for (call, (name, _)) in CALLS.iter().enumerate() {
        for (index, &error) in errors(name).iter().enumerate() {
            let output = child!("child_does_without_a_call")
                .env(MISSING, format!("{call} {index}"))
                .output()
                .unwrap();
            let error = std::io::Error::from_raw_os_error(error);
            let texts = texts(&output);
            assert!(output.status.success(), "{name}, {error}: {texts}");
        }
    }
}

async fn timers_end_and_are_not_early() {
    for micros in [0, 10, 500, 1_500, 5_000] {
        let delay = Duration::from_micros(micros);
        let begin = Instant::now();
        runtime::time::sleep(delay).await;
        assert!(begin.elapsed() >= delay);
    }
    // One that is armed while the driver waits for a later one.
    let far = runtime::spawn(runtime::time::sleep(Duration::from_secs(3_000)));
    runtime::task::yield_now().await;
    let near = runtime::spawn(runtime::time::sleep(Duration::from_millis(3)));
    near.await.unwrap();
    far.abort();
}

/// By threads that are none of the runtime's, again and again.
async fn a_sleeping_driver_is_woken() {
    for _ in 0..100 {
        let (sender, receiver) = oneshot::channel();
        let waker = std::thread::spawn(move || sender.send(()).unwrap());
        receiver.await.unwrap();
        waker.join().unwrap();
    }
    assert_eq!(runtime::spawn_blocking(|| 7).await.unwrap(), 7);
}

async fn sockets_carry() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 8];
        while socket.read_exact(&mut bytes).await.is_ok() {
            socket.write_all(&bytes).await.unwrap();
        }
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    for round in 0_u64..50 {
        client.write_all(&round.to_be_bytes()).await.unwrap();
        assert_eq!(client.read_u64().await.unwrap(), round);
    }
    drop(client);
    server.await.unwrap();
}

async fn children_end() {
    let output = Command::new("sh").args(["-c", "echo hi"]).output().await;
    assert_eq!(output.unwrap().stdout, b"hi\n");
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take();
    let wait = runtime::spawn(async move { child.wait().await });
    runtime::task::yield_now().await;
    drop(input);
    assert!(wait.await.unwrap().unwrap().success());
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    child.kill().await.unwrap();
}

async fn files_are_read(scratch: &Path) {
    let (first, second) = (scratch.join("first"), scratch.join("second"));
    let text = vec![7; 200_000];
    runtime::fs::write(&first, &text).await.unwrap();
    for _ in 0..2 {
        assert_eq!(runtime::fs::read(&first).await.unwrap(), text);
    }
    let mut file = runtime::fs::File::open(&first).await.unwrap();
    let mut found = Vec::new();
    file.read_to_end(&mut found).await.unwrap();
    assert_eq!(found, text);
    assert_eq!(file.metadata().await.unwrap().len(), 200_000);
    assert_eq!(runtime::fs::copy(&first, &second).await.unwrap(), 200_000);
    assert_eq!(runtime::fs::metadata(&second).await.unwrap().len(), 200_000);
    assert!(!runtime::fs::try_exists(scratch.join("none")).await.unwrap());
    let mut entries = runtime::fs::read_dir(scratch).await.unwrap();
    let mut count = 0;
    while entries.next_entry().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 2);
    runtime::fs::remove_file(&second).await.unwrap();
}

async fn signals_come() {
    let mut signals = signal(SignalKind::user_defined1()).unwrap();
    let me = std::process::id() as libc::pid_t;
    // SAFETY: a signal to this process, which catches it.
    assert_eq!(unsafe { libc::kill(me, libc::SIGUSR1) }, 0);
    assert_eq!(signals.recv().await, Some(()));
}
