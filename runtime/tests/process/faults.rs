//! Children that misbehave, and systems that refuse.
#![cfg(target_os = "linux")]

use crate::support::{both, current, hang_bound, in_child, multi, refuse_calls};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::process::Command;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

/// How many children of this process are zombies.
fn zombies() -> usize {
    let me = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path().join("stat");
        std::fs::read_to_string(path).ok()
    });
    stats
        .filter(|stat| {
            let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
            fields.next() == Some("Z") && fields.next() == Some(me.as_str())
        })
        .count()
}

async fn no_zombie_is_left() {
    while zombies() > 0 {
        runtime::task::yield_now().await;
    }
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    let _bound = hang_bound();
    current().block_on(async {
        let kind = |mut command: Command| command.spawn().unwrap_err().kind();
        assert_eq!(kind(Command::new("/no/such/program")), ErrorKind::NotFound);
        assert_eq!(kind(Command::new("no-such-program")), ErrorKind::NotFound);
        assert_eq!(kind(Command::new("/")), ErrorKind::PermissionDenied);
        assert_eq!(kind(Command::new("a\0b")), ErrorKind::InvalidInput);
        let mut elsewhere = Command::new("true");
        elsewhere.current_dir("/no/such/directory");
        assert_eq!(kind(elsewhere), ErrorKind::NotFound);
        let status = Command::new("/no/such/program").status().await;
        assert_eq!(status.unwrap_err().kind(), ErrorKind::NotFound);
        let output = Command::new("/no/such/program").output().await;
        assert_eq!(output.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn the_error_before_exec_is_that_of_the_spawn() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut command = Command::new("true");
        // SAFETY: the closure makes an error of a number.
        unsafe { command.pre_exec(|| Err(io::Error::from_raw_os_error(libc::EDOM))) };
        let error = command.spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EDOM));
        let mut command = sh("exit $(ulimit -c)");
        let no_dumps = || {
            let limit = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: sets a limit of the child.
            match unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        // SAFETY: the closure makes a system call.
        unsafe { command.pre_exec(no_dumps) };
        assert_eq!(command.status().await.unwrap().code(), Some(0));
    });
}

#[test]
fn a_program_that_is_being_written_cannot_be_executed() {
    let _bound = hang_bound();
    let path = std::env::temp_dir().join(format!("runtime-busy-{}", std::process::id()));
    std::fs::copy("/bin/true", &path).unwrap();
    let writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    current().block_on(async {
        let error = Command::new(&path).spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ETXTBSY));
        drop(writer);
        // Other threads of this test may have forked while it was open.
        loop {
            match Command::new(&path).status().await {
                Ok(status) => break assert!(status.success()),
                Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ETXTBSY)),
            }
        }
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_child_that_ignores_a_request_to_end_is_killed() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut child = sh("trap '' TERM; echo ready; read line; echo alive; read line")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let mut stdout = child.stdout.take().unwrap();
            let mut line = [0; 6];
            stdout.read_exact(&mut line).await.unwrap();
            assert_eq!(&line, b"ready\n");
            let id = child.id().unwrap() as i32;
            // SAFETY: a signal to a child that was not reaped.
            assert_eq!(unsafe { libc::kill(id, libc::SIGTERM) }, 0);
            // It answers after the signal was sent, so it has ignored it.
            stdin.write_all(b"\n").await.unwrap();
            stdout.read_exact(&mut line).await.unwrap();
            assert_eq!(&line, b"alive\n");
            assert_eq!(child.try_wait().unwrap(), None);
            child.kill().await.unwrap();
            assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGKILL));
        });
    }
}

#[test]
fn writing_to_a_child_that_is_gone_is_an_error() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut child = sh("exec <&-; exit 0")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        child.wait().await.unwrap();
        let error = stdin.write_all(b"nobody reads").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// The writer waits for room when its child dies.
#[test]
fn a_writer_that_waits_sees_its_child_die() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut child = Command::new("sleep")
                .arg("1000")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let writer = runtime::spawn(async move {
                loop {
                    if let Err(error) = stdin.write_all(&[0; 8192]).await {
                        return error.kind();
                    }
                }
            });
            runtime::task::yield_now().await;
            child.kill().await.unwrap();
            assert_eq!(writer.await.unwrap(), ErrorKind::BrokenPipe);
        });
    }
}

#[test]
fn a_pipe_that_nobody_reads_stops_the_child_and_not_the_runtime() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut child = sh("exec head -c 1000000 /dev/zero")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        for _ in 0..100 {
            assert_eq!(child.try_wait().unwrap(), None);
            runtime::task::yield_now().await;
        }
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.stdout.len(), 1_000_000);
    });
}

/// In a process of its own, because it counts zombies.
#[test]
fn a_thousand_children_at_once_leave_no_zombie() {
    in_child!("a_thousand_children_at_once_leave_no_zombie", || {
        for runtime in [multi(2), current()] {
            runtime.block_on(async {
                let mut waits = Vec::new();
                for number in 0..1_000 {
                    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
                    match number % 4 {
                        // An orphan that ends when its input is closed, here and now.
                        0 => drop(child),
                        1 => {
                            drop(child.stdin.take());
                            waits.push(runtime::spawn(async move { child.wait().await }));
                        }
                        2 => waits.push(runtime::spawn(async move { child.wait().await })),
                        _ => {
                            child.start_kill().unwrap();
                            drop(child);
                        }
                    }
                }
                for wait in waits {
                    assert!(wait.await.unwrap().unwrap().success());
                }
                no_zombie_is_left().await;
            });
        }
    });
}

/// The fallback of old systems: without descriptors of processes `SIGCHLD` tells.
#[test]
fn without_descriptors_of_processes_children_are_waited_for_and_reaped() {
    in_child!(
        "without_descriptors_of_processes_children_are_waited_for_and_reaped",
        || {
            // SAFETY: opens a descriptor of this process, to know that the filter works.
            let pidfd_open =
                || unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
            assert!(pidfd_open() >= 0);
            refuse_calls(&[libc::SYS_pidfd_open], libc::ENOSYS);
            assert_eq!(pidfd_open(), -1);
            for runtime in [multi(2), current()] {
                runtime.block_on(async {
                    let mut waits = Vec::new();
                    for number in 0..100 {
                        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
                        match number % 3 {
                            0 => drop(child),
                            1 => waits.push(runtime::spawn(async move { child.wait().await })),
                            _ => {
                                let stdin = child.stdin.take();
                                let wait = runtime::spawn(async move { child.wait().await });
                                runtime::task::yield_now().await;
                                drop(stdin);
                                waits.push(wait);
                            }
                        }
                    }
                    for wait in waits {
                        assert!(wait.await.unwrap().unwrap().success());
                    }
                    no_zombie_is_left().await;
                });
            }
            // And on another runtime than that of the spawn.
            let first = current();
            let mut child =
                first.block_on(async { Command::new("cat").stdin(Stdio::piped()).spawn() });
            drop(first);
            let status = current().block_on(child.as_mut().unwrap().wait());
            assert!(status.unwrap().success());
        },
    );
}

/// What a host may do with `SIGCHLD` behind our back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Host {
    ReplacesTheHandler,
    BlocksIt,
    IgnoresIt,
    WantsNoZombies,
}

extern "C" fn other_handler(_number: libc::c_int) {}

impl Host {
    fn act(self) {
        let handler = other_handler as extern "C" fn(libc::c_int);
        let (handler, flags) = match self {
            Self::ReplacesTheHandler => (handler as libc::sighandler_t, 0),
            Self::IgnoresIt => (libc::SIG_IGN, 0),
            Self::WantsNoZombies => (handler as libc::sighandler_t, libc::SA_NOCLDWAIT),
            Self::BlocksIt => return Self::block(),
        };
        // SAFETY: an action is a structure of integers, for which zero is good.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        // SAFETY: the action lives during the call, and its handler does nothing.
        let outcome =
            unsafe { libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut()) };
        assert_eq!(outcome, 0);
    }

    /// In this thread and those that it starts from now on.
    fn block() {
        // SAFETY: a set is a structure of integers, for which zero is good.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: adds a number to a set that is there.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGCHLD) };
        // SAFETY: the set lives during the call.
        let outcome =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        assert_eq!(outcome, 0);
    }

    /// The system reaps by itself: nobody learns the exit status.
    fn is_without_status(self) -> bool {
        matches!(self, Self::IgnoresIt | Self::WantsNoZombies)
    }

    #[track_caller]
    fn check(self, outcome: io::Result<std::process::ExitStatus>) {
        match outcome {
            Ok(status) => assert!(status.success(), "{self:?}: {status}"),
            Err(error) => {
                assert!(self.is_without_status(), "{self:?}: {error}");
                assert_eq!(error.raw_os_error(), Some(libc::ECHILD), "{self:?}");
            }
        }
    }
}

/// Waits for children that have ended, that end while they are waited for, and that end later than
/// the first looks at them, alone and together.
async fn waits_end(host: Host, act: impl FnOnce()) {
    let cat = || Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    // The runtime's own handler is there from now on, if it needs one.
    let mut first = cat();
    let input = first.stdin.take();
    let wait = runtime::spawn(async move { first.wait().await });
    runtime::task::yield_now().await;
    act();
    drop(input);
    host.check(wait.await.unwrap());
    host.check(Command::new("true").status().await);
    let mut waits = Vec::new();
    for number in 0..20 {
        let mut child = cat();
        let input = child.stdin.take();
        waits.push(runtime::spawn(async move { child.wait().await }));
        if number % 2 == 0 {
            runtime::task::yield_now().await;
        } else {
            runtime::time::sleep(std::time::Duration::from_millis(number)).await;
        }
        drop(input);
    }
    for wait in waits {
        host.check(wait.await.unwrap());
    }
    let mut killed = cat();
    match killed.kill().await {
        Ok(()) => {}
        Err(error) => host.check(Err(error)),
    }
    drop(cat());
    no_zombie_is_left().await;
}

/// The system may have descriptors of processes or not, and both kinds of runtime.
fn waits_end_whatever(host: Host) {
    for is_refused in [false, true] {
        if is_refused {
            refuse_calls(&[libc::SYS_pidfd_open], libc::EPERM);
        }
        for runtime in [multi(2), current()] {
            runtime.block_on(waits_end(host, || host.act()));
        }
    }
}

#[test]
fn a_wait_ends_although_the_host_replaces_the_handler() {
    in_child!("a_wait_ends_although_the_host_replaces_the_handler", || {
        waits_end_whatever(Host::ReplacesTheHandler);
    });
}

#[test]
fn a_wait_ends_although_the_host_ignores_children() {
    in_child!("a_wait_ends_although_the_host_ignores_children", || {
        waits_end_whatever(Host::IgnoresIt);
    });
}

#[test]
fn a_wait_ends_although_the_host_wants_no_zombies() {
    in_child!("a_wait_ends_although_the_host_wants_no_zombies", || {
        waits_end_whatever(Host::WantsNoZombies);
    });
}

/// In all threads: the test's own has no others but the runtime's.
#[test]
fn a_wait_ends_although_the_host_blocks_the_signal() {
    in_child!("a_wait_ends_although_the_host_blocks_the_signal", || {
        Host::BlocksIt.act();
        waits_end_whatever(Host::BlocksIt);
    });
}

/// A clock that stands is not moved by the looks at a child.
#[test]
fn a_paused_clock_stands_while_a_child_is_waited_for() {
    in_child!("a_paused_clock_stands_while_a_child_is_waited_for", || {
        refuse_calls(&[libc::SYS_pidfd_open], libc::EPERM);
        let runtime = runtime::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let begin = runtime::time::Instant::now();
            let mut child = Command::new("sleep").arg("0.05").spawn().unwrap();
            assert!(child.wait().await.unwrap().success());
            assert_eq!(begin.elapsed(), std::time::Duration::ZERO);
        });
    });
}

#[test]
fn the_limit_on_processes_is_an_error() {
    in_child!("the_limit_on_processes_is_an_error", || {
        current().block_on(async {
            refuse_calls(
                &[
                    libc::SYS_clone,
                    libc::SYS_clone3,
                    libc::SYS_vfork,
                    libc::SYS_fork,
                ],
                libc::EAGAIN,
            );
            let error = Command::new("true").spawn().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        });
    });
}

/// The child is started, but its pipe cannot be registered: it is killed and reaped.
#[test]
fn no_descriptors_for_a_child_are_an_error_and_leave_no_process() {
    in_child!(
        "no_descriptors_for_a_child_are_an_error_and_leave_no_process",
        || {
            current().block_on(async {
                refuse_calls(&[libc::SYS_epoll_ctl], libc::ENOSPC);
                let error = sh("exec sleep 1000").stdin(Stdio::piped()).spawn();
                assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::ENOSPC));
                while std::fs::read_to_string("/proc/thread-self/children")
                    .is_ok_and(|it| !it.is_empty())
                {
                    std::thread::yield_now();
                }
            });
        },
    );
}
