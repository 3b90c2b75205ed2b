//! Tests in processes of their own, and what is counted of a process or refused to it.

use super::hang_bound;
use std::process::{Command, Output, Stdio};

/// Set in a child process.
const CHILD: &str = "RUNTIME_TEST_CHILD";

pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The test of this name of the caller's module in a process of its own.
macro_rules! child {
    ($name:expr) => {
        $crate::support::child_of(module_path!(), $name)
    };
}
pub(crate) use child;

/// Runs a closure in a process of its own: it is the body of the test of this name of the caller's
/// module.
macro_rules! in_child {
    ($name:expr, $test:expr $(,)?) => {
        $crate::support::run_in_child(module_path!(), $name, $test)
    };
}
pub(crate) use in_child;

/// For [`child!`].
pub(crate) fn child_of(module: &str, name: &str) -> Command {
    // In front stands the binary's name, which is no part of the test's.
    let name = match module.split_once("::") {
        Some((_, module)) => format!("{module}::{name}"),
        None => name.to_owned(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
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

/// Runs the test `name` of `module` in a child and expects it to pass.
pub(crate) fn pass_in_child(module: &str, name: &str) -> String {
    let output = child_of(module, name).output().unwrap();
    let texts = texts(&output);
    assert!(output.status.success(), "{}: {texts}", output.status);
    // A name that is no test's would pass, too.
    assert!(texts.contains("1 passed"), "{texts}");
    texts
}

/// For [`in_child!`].
pub(crate) fn run_in_child(module: &str, name: &str, test: impl FnOnce()) {
    if is_child() {
        return test();
    }
    let _bound = hang_bound();
    print!("{}", pass_in_child(module, name));
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
