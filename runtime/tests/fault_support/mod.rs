//! What the tests of faults share: a bound on hangs, panics as text, child processes, counters.
#![allow(dead_code)] // each test file uses its part

use runtime::runtime::{Builder, Runtime};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

/// Ends the process if it is not dropped within a minute: a lost wake-up is a hang.
#[must_use]
pub(crate) struct HangBound(#[allow(dead_code)] mpsc::Sender<()>);

pub(crate) fn hang_bound() -> HangBound {
    let (alive, watched) = mpsc::channel();
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    std::thread::spawn(move || {
        if watched.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Past the capture of the test's output, which would be lost.
            let _ = writeln!(std::io::stderr(), "`{name}` hangs");
            std::process::abort();
        }
    });
    HangBound(alive)
}

/// How threads are named unless a builder says otherwise. Tokio's name where the package that
/// stands in for it is built as well.
pub(crate) const THREAD: &str = match cfg!(feature = "tokio-names") {
    true => "tokio-rt-worker",
    false => "runtime-worker",
};

/// The attribute that messages name.
pub(crate) const MAIN: &str = match cfg!(feature = "tokio-names") {
    true => "#[tokio::main",
    false => "#[runtime::main",
};

pub(crate) fn multi(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Both kinds of runtime, the first one with `workers`.
pub(crate) fn both(workers: usize) -> [Runtime; 2] {
    [multi(workers), current()]
}

/// The text of the panic that `f` ends with.
pub(crate) fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("did not panic"),
        Err(payload) => payload_text(&*payload),
    }
}

pub(crate) fn payload_text(payload: &(dyn std::any::Any + Send)) -> String {
    match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => (*payload
            .downcast_ref::<&str>()
            .expect("a payload that is a text"))
        .to_owned(),
    }
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "no {phrase:?} in {text:?}");
    }
}

/// Set in a child process.
const CHILD: &str = "RUNTIME_TEST_CHILD";

pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The test `name` of this binary in a process of its own.
pub(crate) fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null());
    command
}

/// What the child says, together.
pub(crate) fn texts(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs the test `name` in a child and expects it to pass.
pub(crate) fn pass_in_child(name: &str) -> String {
    let output = child(name).output().unwrap();
    let texts = texts(&output);
    assert!(output.status.success(), "{}: {texts}", output.status);
    texts
}

/// Counts values made and dropped.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Tally {
    pub(crate) fn one(&self) -> Counted {
        self.made.fetch_add(1, SeqCst);
        Counted(self.clone())
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }

    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        assert_eq!(self.made(), self.dropped(), "made, dropped");
    }
}

/// One value of a [`Tally`].
pub(crate) struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

/// Open descriptors of this process.
#[cfg(target_os = "linux")]
pub(crate) fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Threads of this process.
#[cfg(target_os = "linux")]
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How often the threads of this process have gone to sleep so far.
#[cfg(target_os = "linux")]
pub(crate) fn context_switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let statuses =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok());
    statuses
        .filter_map(|status| {
            let line = status
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt"))?;
            line.split_whitespace().last()?.parse::<u64>().ok()
        })
        .sum()
}

/// Runs `test` in a process of its own: it is the body of the test of that name.
pub(crate) fn in_child(name: &str, test: impl FnOnce()) {
    if is_child() {
        return test();
    }
    let _bound = hang_bound();
    print!("{}", pass_in_child(name));
}

/// Makes the system refuse the calls with these numbers from now on, in this process and its
/// children.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_calls(calls: &[libc::c_long], error: i32) {
    let statement = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let mut filter = vec![statement(
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        0,
        0,
        0,
    )];
    for &call in calls {
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        filter.push(statement(equal, 0, 1, call as u32));
        let refuse = libc::SECCOMP_RET_ERRNO | error as u32;
        filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, 0, refuse));
    }
    let allow = statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW);
    filter.push(allow);
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: sets a flag of the process.
    let fixed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(fixed, 0);
    // SAFETY: the program lives during the call.
    let filtered =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(filtered, 0);
}
