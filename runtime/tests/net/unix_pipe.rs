//! Pipes over the public API.
#![cfg(unix)]

use crate::support::{Directory, current_thread, is_blocked, multi_thread, poll_once, turns};
use runtime::io::{AsyncReadExt, AsyncWriteExt, Interest};
use runtime::net::unix::pipe;
use std::ffi::CString;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::pin::pin;

fn fifo(directory: &Directory) -> PathBuf {
    let path = directory.path("fifo");
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the pointer is to a string that ends with a zero and outlives the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    path
}

#[test]
fn large_transfers_arrive_whole_whatever_the_sizes() {
    multi_thread(async {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let data: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
        let expected = data.clone();
        let writer = runtime::spawn(async move {
            let mut rest = &data[..];
            for size in (1..).map(|i: usize| i * 7_919 % 100_000 + 1) {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(size.min(rest.len()));
                sender.write_all(now).await.unwrap();
                rest = later;
            }
        });
        let mut received = Vec::new();
        let mut buf = vec![0; 50_000];
        for size in (1..).map(|i: usize| i * 4_999 % 50_000 + 1) {
            let count = receiver.read(&mut buf[..size]).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&buf[..count]);
        }
        writer.await.unwrap();
        assert!(received == expected, "the bytes differ");
    });
}

#[test]
fn a_sender_without_receivers_is_told() {
    current_thread(async {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        sender.write_all(b"lost").await.unwrap();
        drop(receiver);
        let ready = sender.ready(Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable());
        for _ in 0..3 {
            let error = sender.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_full_pipe_waits_for_its_receiver() {
    current_thread(async {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        sender.writable().await.unwrap();
        let mut written = 0;
        while let Ok(count) = sender.try_write(&[7; 1_000]) {
            written += count;
        }
        let mut writable = pin!(sender.writable());
        assert!(poll_once(writable.as_mut()).is_pending());
        let mut buf = vec![0; written];
        receiver.read_exact(&mut buf).await.unwrap();
        writable.await.unwrap();
        assert_eq!(sender.try_write(b"more").unwrap(), 4);
        let mut more = Vec::new();
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read_buf(&mut more).unwrap(), 4);
        assert!(is_blocked(&receiver.try_read(&mut buf)));
    });
}

/// After its last writer a FIFO reads the end; once there is another the end is over, and a read
/// that finds nothing has to wait.
#[test]
fn a_fifo_goes_on_with_its_next_writer() {
    current_thread(async {
        let directory = Directory::new();
        let path = fifo(&directory);
        let mut receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
        for round in 0..3_u8 {
            let mut buf = [0; 10];
            let mut sender = pipe::OpenOptions::new().open_sender(&path).unwrap();
            {
                let mut read = pin!(receiver.read(&mut buf));
                for _ in 0..3 {
                    assert!(poll_once(read.as_mut()).is_pending());
                    turns().await;
                }
            }
            sender.write_all(&[round]).await.unwrap();
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
            drop(sender);
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_fifo_opened_both_ways_has_no_end() {
    current_thread(async {
        let directory = Directory::new();
        let path = fifo(&directory);
        let error = pipe::OpenOptions::new().open_sender(&path).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
        let mut both = pipe::OpenOptions::new();
        both.read_write(true);
        let mut sender = both.open_sender(&path).unwrap();
        sender.write_all(b"early").await.unwrap();
        let mut receiver = both.clone().open_receiver(&path).unwrap();
        let mut buf = [0; 10];
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 5);
        drop(sender);
        let mut read = pin!(receiver.read(&mut buf));
        turns().await;
        assert!(poll_once(read.as_mut()).is_pending());
    });
}

/// In packet mode a read takes one packet, short, although more is queued behind it.
#[cfg(target_os = "linux")]
#[test]
fn packets_behind_a_packet_are_read() {
    current_thread(async {
        let (sender, receiver) = pipe::pipe().unwrap();
        // SAFETY: the descriptor is open, and this command takes flags.
        let outcome = unsafe {
            let flags = libc::O_DIRECT | libc::O_NONBLOCK;
            libc::fcntl(sender.as_raw_fd(), libc::F_SETFL, flags)
        };
        assert_eq!(outcome, 0);
        let fd = receiver.into_nonblocking_fd().unwrap();
        let mut receiver = pipe::Receiver::from_owned_fd(fd).unwrap();
        sender.writable().await.unwrap();
        for packet in [b"abc", b"def", b"ghi"] {
            sender.try_write(packet).unwrap();
        }
        let mut received = Vec::new();
        while received.len() < 9 {
            let mut buf = [0; 64];
            let count = receiver.read(&mut buf).await.unwrap();
            assert_eq!(count, 3);
            received.extend_from_slice(&buf[..count]);
        }
        assert_eq!(received, b"abcdefghi");
    });
}

#[test]
fn only_the_right_end_of_a_pipe_is_taken() {
    current_thread(async {
        let refused = |error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            error.to_string()
        };
        let file = || File::open("/dev/null").unwrap();
        assert_eq!(
            refused(pipe::Receiver::from_file(file()).unwrap_err()),
            "not a pipe"
        );
        assert_eq!(
            refused(pipe::Sender::from_file(file()).unwrap_err()),
            "not a pipe"
        );
        let (sender, receiver) = pipe::pipe().unwrap();
        let (sender, receiver) = (
            sender.into_nonblocking_fd().unwrap(),
            receiver.into_nonblocking_fd().unwrap(),
        );
        assert_eq!(
            refused(pipe::Receiver::from_owned_fd(sender).unwrap_err()),
            "not in O_RDONLY or O_RDWR access mode"
        );
        assert_eq!(
            refused(pipe::Sender::from_owned_fd(receiver).unwrap_err()),
            "not in O_WRONLY or O_RDWR access mode"
        );
        let directory = Directory::new();
        let plain = directory.path("plain");
        File::create(&plain).unwrap();
        refused(pipe::OpenOptions::new().open_receiver(&plain).unwrap_err());
        refused(
            pipe::OpenOptions::default()
                .open_sender(&plain)
                .unwrap_err(),
        );
        // The system, too, refuses to watch a plain file.
        let mut unchecked = pipe::OpenOptions::new();
        let error = unchecked.unchecked(true).open_receiver(&plain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

/// Whether reads and writes of a descriptor block.
fn blocks(fd: &OwnedFd) -> bool {
    !socket2::SockRef::from(fd).nonblocking().unwrap()
}

#[test]
fn descriptors_come_and_go_in_the_mode_that_is_asked_for() {
    current_thread(async {
        let (sender, receiver) = pipe::pipe().unwrap();
        let (sender, receiver) = (
            sender.into_blocking_fd().unwrap(),
            receiver.into_blocking_fd().unwrap(),
        );
        assert!(blocks(&sender) && blocks(&receiver));
        let (mut sender, mut receiver) = (File::from(sender), File::from(receiver));
        sender.write_all(b"blocking").unwrap();
        receiver.read_exact(&mut [0; 8]).unwrap();
        let mut sender = pipe::Sender::from_file(sender).unwrap();
        let mut receiver = pipe::Receiver::from_file(receiver).unwrap();
        sender.write_all(b"hello").await.unwrap();
        let mut buf = [0; 5];
        receiver.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"hello");
        let sender = sender.into_nonblocking_fd().unwrap();
        assert!(!blocks(&sender));
        let mut sender = pipe::Sender::from_owned_fd_unchecked(sender).unwrap();
        sender.write_all(b"again").await.unwrap();
        receiver.read_exact(&mut buf).await.unwrap();
    });
}

#[test]
fn a_cancelled_read_loses_nothing() {
    current_thread(async {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        for round in 0..20_u8 {
            let mut buf = [0; 4];
            {
                let mut read = pin!(receiver.read(&mut buf));
                assert!(poll_once(read.as_mut()).is_pending());
                sender.write_all(&[round]).await.unwrap();
                turns().await;
            }
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
        }
    });
}

#[test]
fn vectored_calls_move_all_slices() {
    current_thread(async {
        let (sender, receiver) = pipe::pipe().unwrap();
        sender.writable().await.unwrap();
        let slices = [&b"abc"[..], b"", b"defg"].map(std::io::IoSlice::new);
        assert_eq!(sender.try_write_vectored(&slices).unwrap(), 7);
        receiver.readable().await.unwrap();
        let (mut a, mut b) = ([0; 2], [0; 10]);
        let mut bufs = [&mut a[..], &mut b[..]].map(std::io::IoSliceMut::new);
        assert_eq!(receiver.try_read_vectored(&mut bufs).unwrap(), 7);
        assert_eq!((&a, &b[..5]), (b"ab", &b"cdefg"[..]));
    });
}
