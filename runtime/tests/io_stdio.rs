//! The standard streams, in processes of their own: the test starts itself once per case, and with
//! a case named in the environment its `main` is that case's.

use runtime::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, stderr, stdin, stdout};
use runtime::runtime::{Builder, Runtime, is_rt_shutdown_err};
use std::env;
use std::future::poll_fn;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::pin::{Pin, pin};
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const CASE: &str = "RUNTIME_STDIO_CASE";

/// Nothing here takes long; a case that takes this long hangs.
const HANG: Duration = Duration::from_secs(60);

type Case = (&'static str, fn(), fn(&str));

/// Name, what the child does, what the parent does and expects.
const CASES: &[Case] = &[
    ("echo", echo, echo_parent),
    ("pending_read", pending_read, exits_with_stdin_open),
    (
        "pending_read_current",
        pending_read_current,
        exits_with_stdin_open,
    ),
    ("cancelled_read", cancelled_read, cancelled_read_parent),
    ("two_runtimes", two_runtimes, cancelled_read_parent),
    ("read_ends", read_ends, read_ends_parent),
    #[cfg(unix)]
    ("closed_input", closed_input, reports_ok),
    #[cfg(unix)]
    ("fork_after_a_read", fork_after_a_read, words_parent),
    #[cfg(target_os = "linux")]
    ("fork_while_reading", fork_while_reading, drops_parent),
    ("no_flush", no_flush, no_flush_parent),
    ("order", order, order_parent),
    ("closed", closed, closed_parent),
    ("full", full, full_parent),
    ("full_and_stuck", full_and_stuck, full_and_stuck_parent),
    ("after_shutdown", after_shutdown, reports_ok),
    ("outside", outside, reports_ok),
    #[cfg(unix)]
    ("descriptors", descriptors, reports_ok),
];

fn main() {
    if let Ok(name) = env::var(CASE) {
        let (_, child, _) = CASES
            .iter()
            .find(|(case, ..)| *case == name)
            .expect("a case");
        return child();
    }
    let filter = env::args().skip(1).find(|arg| !arg.starts_with('-'));
    for (name, _, parent) in CASES {
        if filter.as_deref().is_none_or(|filter| name.contains(filter)) {
            parent(name);
            println!("{name} ... ok");
        }
    }
}

fn start(case: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .env(CASE, case)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of a case, which must be a good one; returns its error output.
#[track_caller]
fn finish(mut child: Child) -> String {
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > HANG {
            child.kill().unwrap();
            panic!("the process does not end");
        }
        std::thread::yield_now();
    };
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(status.success(), "{status}: {text}");
    text
}

fn multi() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts a read that has nothing to read, and gives it up.
async fn give_up_a_read() {
    let mut input = stdin();
    let mut buf = [0; 16];
    let mut read = pin!(input.read(&mut buf));
    let pending = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
}

// Everything that is read comes out again, across many reads and writes.

fn echo() {
    multi().block_on(async {
        let (mut input, mut output) = (stdin(), stdout());
        runtime::io::copy(&mut input, &mut output).await.unwrap();
        output.shutdown().await.unwrap();
    });
}

fn echo_parent(case: &str) {
    let mut child = start(case);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let feeder = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let mut received = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut received)
        .unwrap();
    feeder.join().unwrap();
    assert!(
        received == bytes,
        "{} of {} bytes",
        received.len(),
        bytes.len()
    );
    finish(child);
}

// A read in flight holds up neither the end of the runtime nor that of `main`.

fn pending_read() {
    let runtime = multi();
    runtime.spawn(async {
        let mut line = String::new();
        stdin().read_to_string(&mut line).await.unwrap();
    });
    runtime.block_on(give_up_a_read());
    drop(runtime);
}

fn pending_read_current() {
    current().block_on(give_up_a_read());
}

fn exits_with_stdin_open(case: &str) {
    let mut child = start(case);
    let input = child.stdin.take();
    finish(child);
    drop(input);
}

// What a cancelled read brings is there for the next one.

fn cancelled_read() {
    multi().block_on(async {
        give_up_a_read().await;
        tell_and_read().await;
    });
}

fn two_runtimes() {
    multi().block_on(give_up_a_read());
    current().block_on(tell_and_read());
}

/// Asks for the input by a line, and writes it out.
async fn tell_and_read() {
    let mut output = stdout();
    output.write_all(b"ready\n").await.unwrap();
    output.flush().await.unwrap();
    let mut all = Vec::new();
    // In small pieces and by a new handle each, so that what was kept is taken bit by bit.
    loop {
        let mut piece = [0; 3];
        match stdin().read(&mut piece).await.unwrap() {
            0 => break,
            count => all.extend_from_slice(&piece[..count]),
        }
    }
    output.write_all(&all).await.unwrap();
    output.flush().await.unwrap();
}

fn cancelled_read_parent(case: &str) {
    let mut child = start(case);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"first line\nsecond line\n").unwrap();
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "first line\nsecond line\n");
    finish(child);
}

// The end of the input is an empty read each time, and a read without room is none.

fn read_ends() {
    current().block_on(async {
        let mut input = stdin();
        assert_eq!(input.read(&mut []).await.unwrap(), 0);
        let mut all = String::new();
        input.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "all of it");
        for _ in 0..3 {
            assert_eq!(input.read(&mut [0; 8]).await.unwrap(), 0);
        }
    });
}

fn read_ends_parent(case: &str) {
    let mut child = start(case);
    child.stdin.take().unwrap().write_all(b"all of it").unwrap();
    finish(child);
}

// A standard input whose descriptor is closed is an empty one, as std's is.

#[cfg(unix)]
fn closed_input() {
    // Made before, so that none of their descriptors takes its number.
    let runtimes = [multi(), current()];
    // SAFETY: nothing else of this process uses the descriptor.
    assert_eq!(unsafe { libc::close(0) }, 0);
    for runtime in runtimes {
        runtime.block_on(async {
            let mut input = stdin();
            for _ in 0..3 {
                assert_eq!(input.read(&mut [0; 8]).await.unwrap(), 0);
            }
        });
    }
    eprint!("ok");
}

// A fork reads on where its parent stopped.

/// Runs `f` in a fork, which must end well.
#[cfg(unix)]
fn in_fork(f: impl FnOnce()) {
    // SAFETY: no thread holds a lock that the fork takes, but those of which the case says so.
    let fork = unsafe { libc::fork() };
    assert!(fork >= 0);
    if fork == 0 {
        // SAFETY: ends the fork by a signal, should it hang.
        unsafe { libc::alarm(HANG.as_secs() as u32) };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        // SAFETY: ends the fork without running anything of its parent's.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    let mut status = -1;
    // SAFETY: waits for this child; the pointer is to an integer that outlives the call.
    let waited = unsafe { libc::waitpid(fork, &raw mut status, 0) };
    assert_eq!((waited, status), (fork, 0), "the fork's status");
}

#[cfg(unix)]
fn fork_after_a_read() {
    async fn word(mut input: impl runtime::io::AsyncRead + Unpin) -> [u8; 4] {
        let mut word = [0; 4];
        input.read_exact(&mut word).await.unwrap();
        word
    }
    let mut before = stdin();
    assert_eq!(multi().block_on(word(&mut before)), *b"abcd");
    in_fork(|| {
        multi().block_on(async {
            assert_eq!(word(stdin()).await, *b"efgh");
            // A handle of the parent's is as good.
            assert_eq!(word(&mut before).await, *b"ijkl");
        });
        in_fork(|| assert_eq!(current().block_on(word(before)), *b"mnop"));
    });
}

#[cfg(unix)]
fn words_parent(case: &str) {
    let mut child = start(case);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"abcdefghijklmnop").unwrap();
    finish(child);
}

// A fork is not held up by the read of its parent, which has std's lock.

#[cfg(target_os = "linux")]
fn fork_while_reading() {
    multi().block_on(give_up_a_read());
    let is_reading = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let mut stats =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
        stats.any(|stat| stat.contains("(runtime-stdin) S"))
    };
    while !is_reading() {
        std::thread::yield_now();
    }
    in_fork(|| {
        println!("forked");
        for runtime in [multi(), current()] {
            assert_eq!(runtime.block_on(stdin().read_u8()).unwrap(), b'x');
        }
    });
}

/// Gives a byte now and then, for whoever of the two takes it.
#[cfg(target_os = "linux")]
fn drops_parent(case: &str) {
    let mut child = start(case);
    let mut input = child.stdin.take().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "forked\n");
    // The parent takes what comes to its one read, the fork two bytes more; `finish` has a bound.
    for _ in 0..10_000 {
        if child.try_wait().unwrap().is_some() || input.write_all(b"x").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    finish(child);
}

// What was written arrives although nobody flushes: the runtime waits for it.

fn no_flush() {
    for runtime in [multi(), current()] {
        runtime.block_on(async { stdout().write_all(b"a line\n").await.unwrap() });
    }
}

fn no_flush_parent(case: &str) {
    let child = start(case);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "a line\na line\n"
    );
}

// The writes of a handle keep their order, on both streams.

fn order() {
    multi().block_on(async {
        let (mut out, mut err) = (stdout(), stderr());
        for number in 0..200 {
            out.write_all(format!("{number}\n").as_bytes())
                .await
                .unwrap();
            err.write_all(format!("{number}\n").as_bytes())
                .await
                .unwrap();
            assert_eq!(out.write(b"").await.unwrap(), 0);
        }
        out.write_all(b"no line break").await.unwrap();
        out.flush().await.unwrap();
        out.flush().await.unwrap();
        err.shutdown().await.unwrap();
    });
}

fn order_parent(case: &str) {
    let output = start(case).wait_with_output().unwrap();
    assert!(output.status.success());
    let numbers: String = (0..200).map(|number| format!("{number}\n")).collect();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        numbers.clone() + "no line break"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), numbers);
}

// A pipe that nobody reads any more is an error, again and again, and no panic.

fn closed() {
    multi().block_on(async {
        // The parent has closed its end once this returns.
        let mut all = String::new();
        stdin().read_to_string(&mut all).await.unwrap();
        let mut output = stdout();
        for _ in 0..3 {
            output.write_all(b"nobody reads this\n").await.unwrap();
            let error = output.flush().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            // The bytes are gone, whoever asks how often.
            let error = output.flush().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        let mut error = stderr();
        error.write_all(b"done").await.unwrap();
        error.flush().await.unwrap();
    });
}

fn closed_parent(case: &str) {
    let mut child = start(case);
    drop(child.stdout.take());
    drop(child.stdin.take());
    assert_eq!(finish(child), "done");
}

// A pipe that is full and does not block is an error too.

fn full() {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        // SAFETY: the call takes numbers alone; the descriptor is this process's own.
        let result = unsafe { libc::fcntl(stdout().as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        assert_eq!(result, 0);
        current().block_on(async {
            let mut output = stdout();
            output.write_all(&[b'x'; 1_000_000]).await.unwrap();
            for _ in 0..2 {
                let error = output.flush().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
            }
        });
        // What `std` still has would be tried again at the end of the process: none of our
        // business.
    }
}

fn full_parent(case: &str) {
    let mut child = start(case);
    let output = child.stdout.take();
    finish(child);
    drop(output);
}

// A pipe that is full holds its writer up, and the end of the runtime only as long as is allowed.

fn full_and_stuck() {
    let runtime = multi();
    runtime.block_on(async {
        let mut output = stdout();
        output.write_all(&[b'x'; 1_000_000]).await.unwrap();
        let pending = poll_once_pinned(Pin::new(&mut output));
        assert!(pending, "nobody reads");
    });
    runtime.shutdown_background();
}

fn poll_once_pinned(writer: Pin<&mut impl AsyncWrite>) -> bool {
    writer
        .poll_flush(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

fn full_and_stuck_parent(case: &str) {
    let mut child = start(case);
    let output = child.stdout.take();
    // `std` locks the stream at the end of the process only if it can: so this ends.
    finish(child);
    drop(output);
}

// Once the runtime has ended, a write is refused with an error, and a read still works.

fn after_shutdown() {
    let runtime = multi();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _context = handle.enter();
    let mut output = stdout();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        for write in [
            Pin::new(&mut output).poll_write(&mut cx, b"late\n"),
            Pin::new(&mut stderr()).poll_write(&mut cx, b"late\n"),
        ] {
            match write {
                Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{error}"),
                other => panic!("{other:?}"),
            }
        }
        // Nothing was accepted, so nothing is to be flushed.
        let flushed = Pin::new(&mut output).poll_flush(&mut cx);
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
    }
    eprint!("ok");
}

// Outside of a runtime a write panics as everything does that needs one.

fn outside() {
    std::panic::set_hook(Box::new(|_| ()));
    let payload = std::panic::catch_unwind(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut stdout()).poll_write(&mut cx, b"x");
    })
    .unwrap_err();
    let text = payload.downcast::<String>().unwrap();
    assert!(text.contains("there is no reactor running"), "{text}");
    eprint!("ok");
}

fn reports_ok(case: &str) {
    let mut child = start(case);
    drop(child.stdin.take());
    assert_eq!(finish(child), "ok");
}

#[cfg(unix)]
fn descriptors() {
    use std::os::fd::{AsFd, AsRawFd};
    assert_eq!((stdin().as_raw_fd(), stdin().as_fd().as_raw_fd()), (0, 0));
    assert_eq!((stdout().as_raw_fd(), stdout().as_fd().as_raw_fd()), (1, 1));
    assert_eq!((stderr().as_raw_fd(), stderr().as_fd().as_raw_fd()), (2, 2));
    assert!(format!("{:?}", (stdin(), stdout(), stderr())).contains("Stdout"));
    eprint!("ok");
}
