//! Children: what a program gets from `process`, on both kinds of runtime.
#![cfg(unix)]

use crate::support::{both, current, hang_bound, multi, panic_text};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::process::{Child, ChildStdin, ChildStdout, Command};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::Stdio;
use std::task::{Context, Poll, Waker};

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

/// Whether there is a process of this number that is not just a zombie.
fn lives(id: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => !stat.rsplit(')').next().unwrap().trim().starts_with('Z'),
        Err(_) => false,
    }
}

/// Waits until there is no process of this number, not even a zombie.
fn wait_until_reaped(id: u32) {
    while std::path::Path::new(&format!("/proc/{id}")).exists() {
        std::thread::yield_now();
    }
}

#[test]
fn the_exit_status_is_kept_and_the_number_forgotten() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut child = sh("exit 2").spawn().unwrap();
            assert!(child.id().unwrap() > 0);
            assert_eq!(child.wait().await.unwrap().code(), Some(2));
            assert_eq!(child.wait().await.unwrap().code(), Some(2));
            assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(2));
            assert_eq!(child.id(), None);
            child.start_kill().unwrap();
            child.kill().await.unwrap();
        });
    }
}

#[test]
fn options_reach_the_child() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $0 $A $B $HOME $D; pwd; exit 3"])
            .arg0("name")
            .env_clear()
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")])
            .env_remove("C")
            .current_dir("/")
            .process_group(0);
        assert_eq!(command.as_std().get_program(), "sh");
        assert!(!command.get_kill_on_drop());
        assert!(command.kill_on_drop(true).get_kill_on_drop());
        command.as_std_mut().env("D", "4");
        let output = command.output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "name 1 2 4\n/\n");
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(command.into_std().get_args().count(), 2);
        let from_std = Command::from(std::process::Command::new("true"));
        assert!({ from_std }.status().await.unwrap().success());
    });
}

#[test]
fn pipes_carry_both_ways() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let mut stdout = child.stdout.take().unwrap();
            // More than a pipe holds, so that both ends wait.
            let sent: Vec<u8> = (0..1_000_000_u32).map(|it| it as u8).collect();
            let writer = runtime::spawn({
                let sent = sent.clone();
                async move {
                    stdin.write_all(&sent).await.unwrap();
                    stdin.shutdown().await.unwrap();
                }
            });
            let mut received = Vec::new();
            stdout.read_to_end(&mut received).await.unwrap();
            writer.await.unwrap();
            assert!(received == sent);
            assert!(child.wait().await.unwrap().success());
        });
    }
}

/// E2: each chunk is seen while the child lives and waits.
#[test]
fn chunks_are_seen_one_by_one() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut child = sh("while read line; do echo out $line; echo err $line >&2; done")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let stdin = child.stdin.as_mut().unwrap();
            for number in 0..50 {
                stdin
                    .write_all(format!("{number}\n").as_bytes())
                    .await
                    .unwrap();
                let expected = format!("out {number}\n").into_bytes();
                let mut buf = vec![0; expected.len()];
                let stdout = child.stdout.as_mut().unwrap();
                stdout.read_exact(&mut buf).await.unwrap();
                assert_eq!(buf, expected);
                let stderr = child.stderr.as_mut().unwrap();
                stderr.read_exact(&mut buf).await.unwrap();
                assert_eq!(buf, format!("err {number}\n").into_bytes());
            }
            // `wait` closes the input, without which `sh` would wait for ever.
            assert!(child.wait().await.unwrap().success());
        });
    }
}

#[test]
fn output_larger_than_a_pipe_does_not_block_the_child() {
    let _bound = hang_bound();
    current().block_on(async {
        let script = "head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2";
        let output = sh(script).output().await.unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (300_000, 200_000)
        );
        // `status` closes the pipe, so that the writer ends at a signal or an error.
        let status = sh("exec head -c 300000 /dev/zero")
            .stdout(Stdio::piped())
            .status();
        assert!(!status.await.unwrap().success());
    });
}

#[test]
fn a_stream_becomes_the_stream_of_another_child() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut first = Command::new("echo")
            .arg("over")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout: Stdio = first.stdout.take().unwrap().try_into().unwrap();
        let output = Command::new("cat").stdin(stdout).output().await.unwrap();
        assert_eq!(output.stdout, b"over\n");
        first.wait().await.unwrap();
    });
}

#[test]
fn streams_of_std_and_descriptors_come_and_go() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut std = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = ChildStdin::from_std(std.stdin.take().unwrap()).unwrap();
        let mut stdout = ChildStdout::from_std(std.stdout.take().unwrap()).unwrap();
        assert_eq!(stdin.as_raw_fd(), stdin.as_fd().as_raw_fd());
        stdin.write_all(b"ab").await.unwrap();
        let mut buf = [0; 2];
        stdout.read_exact(&mut buf).await.unwrap();
        let mut stdin = std::fs::File::from(stdin.into_owned_fd().unwrap());
        let mut stdout = std::fs::File::from(stdout.into_owned_fd().unwrap());
        std::io::Write::write_all(&mut stdin, b"cd").unwrap();
        // It blocks again: with nothing there yet this would be an error.
        std::io::Read::read_exact(&mut stdout, &mut buf).unwrap();
        assert_eq!(&buf, b"cd");
        drop(stdin);
        std.wait().unwrap();
    });
}

#[test]
fn a_child_goes_on_without_its_handle_unless_it_is_to_be_killed() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let mut command = sh("read line; echo done; exec sleep 1000");
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            for kill in [false, true] {
                let mut child = command.kill_on_drop(kill).spawn().unwrap();
                let id = child.id().unwrap();
                let mut stdin = child.stdin.take().unwrap();
                let mut stdout = child.stdout.take().unwrap();
                drop(child);
                let mut said = String::new();
                if kill {
                    assert_eq!(stdout.read_to_string(&mut said).await.unwrap(), 0);
                } else {
                    stdin.write_all(b"go\n").await.unwrap();
                    let mut buf = [0; 5];
                    stdout.read_exact(&mut buf).await.unwrap();
                    assert!(lives(id));
                    // SAFETY: a signal to a child that was not reaped.
                    assert_eq!(unsafe { libc::kill(id as i32, libc::SIGKILL) }, 0);
                }
                drop(stdin);
                while std::path::Path::new(&format!("/proc/{id}")).exists() {
                    runtime::task::yield_now().await;
                }
            }
        });
    }
}

/// The future of `output` holds the child.
#[test]
fn dropping_a_future_kills_the_child_if_asked_to() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut command = sh("echo $$ >&2; exec sleep 1000");
        command.kill_on_drop(true).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let id = child.id().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_u8().await.unwrap();
        {
            let mut output = pin!(child.wait_with_output());
            let polled = output
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
        let mut rest = Vec::new();
        stderr.read_to_end(&mut rest).await.unwrap();
        while std::path::Path::new(&format!("/proc/{id}")).exists() {
            runtime::task::yield_now().await;
        }
    });
}

/// O2: the runtime is gone before the orphan ends.
#[test]
fn an_orphan_is_reaped_after_its_runtime() {
    let _bound = hang_bound();
    let (id, stdin) = current().block_on(async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
        (child.id().unwrap(), stdin)
    });
    assert!(lives(id));
    drop(stdin);
    wait_until_reaped(id);
}

#[test]
fn a_child_can_be_waited_for_on_another_runtime() {
    let _bound = hang_bound();
    for polled_before in [false, true] {
        let first = multi(1);
        let mut child = first.block_on(async {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            if polled_before {
                let stdin = child.stdin.take();
                let mut wait = Box::pin(child.wait());
                let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
                drop(wait);
                child.stdin = stdin;
            }
            child
        });
        drop(first);
        assert!(current().block_on(child.wait()).unwrap().success());
    }
}

/// The wait is woken when its runtime ends, and goes on elsewhere.
#[test]
fn the_end_of_a_runtime_does_not_strand_a_wait() {
    let _bound = hang_bound();
    let first = multi(1);
    let mut child = first.block_on(async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"x").await.unwrap();
        child
    });
    let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
    let (started, is_started) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let second = current();
        second.block_on(async {
            let mut wait = pin!(child.wait());
            std::future::poll_fn(|cx| {
                let polled = wait.as_mut().poll(cx);
                let _ = started.send(());
                polled
            })
            .await
        })
    });
    is_started.recv().unwrap();
    drop(first);
    drop(stdin);
    assert!(waiting.join().unwrap().unwrap().success());
}

#[test]
fn a_wait_that_is_dropped_loses_nothing() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        for _ in 0..3 {
            let mut wait = pin!(child.wait());
            let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
        assert_eq!(child.try_wait().unwrap(), None);
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn spawning_outside_of_a_runtime_or_without_io_panics_and_starts_nothing() {
    let spawn = || drop(sh("exit 0").spawn());
    assert!(panic_text(spawn).contains("there is no reactor running"));
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    assert!(panic_text(|| bare.block_on(async { spawn() })).contains("enable_io"));
}

#[test]
fn a_child_and_its_parts_can_be_debugged() {
    fn is_send_sync<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    is_send_sync::<Child>();
    is_send_sync::<ChildStdin>();
    is_send_sync::<Command>();
    fn both_of<T: Send + Sync>(_: impl FnOnce() -> T) {}
    both_of(|| Command::new("true").status());
    both_of(|| Command::new("true").output());
    fn futures(child: &mut Child, other: &mut Child, last: Child) {
        both_of(|| child.wait());
        both_of(|| other.kill());
        both_of(|| last.wait_with_output());
    }
    let _ = futures;
    let _bound = hang_bound();
    current().block_on(async {
        let mut child = sh("exit 0").stdin(Stdio::piped()).spawn().unwrap();
        assert!(format!("{child:?}").contains("stdin"));
        child.wait().await.unwrap();
    });
}

#[test]
fn spawn_with_uses_the_callers_function() {
    let _bound = hang_bound();
    current().block_on(async {
        let refused = sh("exit 0").spawn_with(|_| Err(ErrorKind::PermissionDenied.into()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
        let mut child = sh("exit $N")
            .spawn_with(|it| it.env("N", "5").spawn())
            .unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
        let poll = std::future::poll_fn(|_| Poll::Ready(child.try_wait()));
        assert_eq!(poll.await.unwrap().unwrap().signal(), None);
    });
}
