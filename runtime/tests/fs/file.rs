//! `fs::File`: order, buffering and errors, on both kinds of runtime and on file systems that
//! answer at once and that do not.

use crate::support::{Directory, both, current, hang_bound, multi, panic_text, places};
use runtime::fs::{File, OpenOptions};
use runtime::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, IoSlice, SeekFrom};
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

async fn open_for_all(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options.open(path).await.unwrap()
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Against a plain vector with a position.
#[test]
fn a_random_walk_of_operations_is_that_of_an_array() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let mut file = open_for_all(&dir.path("walk")).await;
                file.set_max_buf_size(100);
                let (mut oracle, mut at) = (Vec::<u8>::new(), 0_usize);
                let mut seed = 12345_u64;
                let mut random = |below: usize| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    (seed % below as u64) as usize
                };
                for round in 0..2_000_usize {
                    match random(6) {
                        0 | 1 => {
                            let mut buf = vec![0; random(150)];
                            let count = file.read(&mut buf).await.unwrap();
                            assert_eq!(buf[..count], oracle[at.min(oracle.len())..][..count]);
                            let left = oracle.len().saturating_sub(at);
                            assert_eq!(count == 0, left == 0 || buf.is_empty(), "{round}");
                            at += count;
                        }
                        2 => {
                            let bytes = vec![round as u8; random(150)];
                            let count = file.write(&bytes).await.unwrap();
                            assert_eq!(count, bytes.len().min(100));
                            if count > 0 {
                                let end = at + count;
                                oracle.resize(oracle.len().max(end), 0);
                                oracle[at..end].copy_from_slice(&bytes[..count]);
                                at = end;
                            }
                        }
                        3 => {
                            // A read that is dropped: its bytes are for the next one.
                            let mut buf = vec![0; 1 + random(50)];
                            let mut read = pin!(file.read(&mut buf));
                            if let Poll::Ready(count) = read.as_mut().poll(&mut noop()) {
                                at += count.unwrap();
                            }
                        }
                        4 => {
                            let to = random(oracle.len() + 20);
                            let seek = match random(3) {
                                0 => SeekFrom::Start(to as u64),
                                1 => SeekFrom::Current(to as i64 - at as i64),
                                _ => SeekFrom::End(to as i64 - oracle.len() as i64),
                            };
                            assert_eq!(file.seek(seek).await.unwrap(), to as u64);
                            at = to;
                        }
                        _ => {
                            let size = random(oracle.len() + 20);
                            file.set_len(size as u64).await.unwrap();
                            oracle.resize(size, 0);
                        }
                    }
                }
                file.flush().await.unwrap();
                assert_eq!(std::fs::read(dir.path("walk")).unwrap(), oracle);
            });
        }
    }
}

#[test]
fn a_write_is_done_when_it_is_buffered() {
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        let mut file = open_for_all(&dir.path("file")).await;
        // One poll, although the pool has had no time.
        let first = Pin::new(&mut file).poll_write(&mut noop(), b"hello ");
        assert!(matches!(first, Poll::Ready(Ok(6))));
        let slices = [IoSlice::new(b"wo"), IoSlice::new(b""), IoSlice::new(b"rld")];
        assert!(file.is_write_vectored());
        assert_eq!(file.write_vectored(&slices).await.unwrap(), 5);
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(dir.path("file")).unwrap(), b"hello world");
        assert_eq!(file.write(b"").await.unwrap(), 0);
    });
}

/// Has `bytes` accepted, and waits for nothing more.
async fn start_a_write(file: &mut File, bytes: &[u8]) {
    // Not by hand: with its budget used up, a poll accepts nothing.
    let accepted = poll_fn(|cx| Pin::new(&mut *file).poll_write(cx, bytes)).await;
    assert_eq!(accepted.unwrap(), bytes.len());
}

/// W1: what was accepted takes effect first, whoever was dropped.
#[test]
fn what_follows_a_dropped_write_comes_after_it() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let path = dir.path("file");
                for _ in 0..100 {
                    std::fs::write(&path, "..........").unwrap();
                    let mut file = open_for_all(&path).await;
                    start_a_write(&mut file, b"abc").await;
                    let mut rest = Vec::new();
                    file.read_to_end(&mut rest).await.unwrap();
                    assert_eq!(rest, b".......");

                    start_a_write(&mut file, b"def").await;
                    // Not before the write is done: it may be refused meanwhile.
                    let position = file.stream_position().await.unwrap();
                    assert_eq!(position, 13);

                    start_a_write(&mut file, b"gh").await;
                    assert!(file.metadata().await.unwrap().is_file());
                    file.set_len(14).await.unwrap();
                    file.sync_data().await.unwrap();
                    assert_eq!(std::fs::read(&path).unwrap(), b"abc.......defg");
                }
            });
        }
    }
}

/// Polls a future once, so that its job is on the pool, and drops it.
async fn start_and_drop(future: impl Future) {
    // Else nothing is started when the budget is used up.
    let mut future = pin!(runtime::task::unconstrained(future));
    poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// W1 for changes of the length: a job that nobody waits for must not cut off what comes later.
#[test]
fn what_follows_a_dropped_change_of_the_length_comes_after_it() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let path = dir.path("file");
                for _ in 0..500 {
                    std::fs::write(&path, "..........").unwrap();
                    let mut file = open_for_all(&path).await;
                    start_and_drop(file.set_len(0)).await;
                    file.write_all(b"hello").await.unwrap();
                    file.flush().await.unwrap();
                    start_and_drop(file.set_len(1)).await;
                    start_and_drop(file.set_len(7)).await;
                    file.set_len(3).await.unwrap();
                    assert_eq!(file.metadata().await.unwrap().len(), 3);
                    file.rewind().await.unwrap();
                    start_and_drop(file.set_len(2)).await;
                    let mut rest = Vec::new();
                    file.read_to_end(&mut rest).await.unwrap();
                    assert_eq!(rest, b"h\0");
                    drop(file.into_std().await);
                    assert_eq!(std::fs::read(&path).unwrap(), b"h\0");
                }
            });
        }
    }
}

/// W1 for changes of attributes: the last one counts.
#[cfg(unix)]
#[test]
fn what_follows_a_dropped_change_of_attributes_comes_after_it() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};
    let _bound = hang_bound();
    let dir = Directory::new();
    for runtime in both(2) {
        runtime.block_on(async {
            let file = open_for_all(&dir.path("file")).await;
            let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            for round in 0..500 {
                start_and_drop(file.set_modified(time(1_000))).await;
                file.set_modified(time(2_000 + round)).await.unwrap();
                start_and_drop(file.set_permissions(Permissions::from_mode(0o600))).await;
                let mode = if round % 2 == 0 { 0o640 } else { 0o644 };
                file.set_permissions(Permissions::from_mode(mode))
                    .await
                    .unwrap();
                file.sync_data().await.unwrap();
                let found = file.metadata().await.unwrap();
                assert_eq!(found.modified().unwrap(), time(2_000 + round));
                assert_eq!(found.permissions().mode() & 0o777, mode);
            }
        });
    }
}

/// Starts a read and drops it before it is done.
async fn drop_a_read(file: &mut File, buf: &mut [u8]) {
    let position = file.stream_position().await.unwrap();
    while pin!(file.read(buf)).poll(&mut noop()).is_ready() {
        // The pool was quicker than us.
        file.seek(SeekFrom::Start(position)).await.unwrap();
    }
}

#[test]
fn a_dropped_read_leaves_its_bytes_to_the_next() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            std::fs::write(&path, "0123456789").unwrap();
            let mut file = open_for_all(&path).await;
            // Too large to be tried at once, so that it goes to the pool.
            let mut large = vec![0; 1 << 20];
            drop_a_read(&mut file, &mut large).await;
            let mut two = [0; 2];
            file.read_exact(&mut two).await.unwrap();
            assert_eq!(&two, b"01");
            // W2: the rest is in the buffer, the system's position at the end.
            assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 3);
            file.read_exact(&mut two).await.unwrap();
            assert_eq!(&two, b"34");
            drop_a_read(&mut file, &mut large).await;
            file.write_all(b"X").await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"01234X6789");
            file.set_len(8).await.unwrap();
            let mut rest = String::new();
            file.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "67");
        });
    }
}

/// A file grows while it is read: its end is only ever the present one.
#[test]
fn the_end_is_where_the_file_ends_now() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            let mut writer = open_for_all(&path).await;
            let mut reader = File::open(&path).await.unwrap();
            for number in 0..200_u32 {
                assert_eq!(reader.read(&mut [0; 16]).await.unwrap(), 0);
                writer.write_all(&number.to_le_bytes()).await.unwrap();
                writer.flush().await.unwrap();
                assert_eq!(reader.read_u32_le().await.unwrap(), number);
            }
            assert_eq!(reader.seek(SeekFrom::End(100)).await.unwrap(), 900);
            assert_eq!(reader.read(&mut [0; 16]).await.unwrap(), 0);
        });
    }
}

/// What lies between the old end and a write beyond it reads as zeros.
#[test]
fn a_write_beyond_the_end_leaves_a_hole() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            let mut file = open_for_all(&path).await;
            file.write_all(b"ab").await.unwrap();
            assert_eq!(
                file.seek(SeekFrom::Start(1_000_000)).await.unwrap(),
                1_000_000
            );
            assert_eq!(file.read(&mut [0; 4]).await.unwrap(), 0);
            // A seek alone makes the file no longer.
            assert_eq!(file.metadata().await.unwrap().len(), 2);
            file.write_all(b"z").await.unwrap();
            file.seek(SeekFrom::Start(1)).await.unwrap();
            let mut rest = Vec::new();
            assert_eq!(file.read_to_end(&mut rest).await.unwrap(), 1_000_000);
            assert!(rest.starts_with(b"b\0") && rest.ends_with(b"\0z"));
            assert!(rest[1..999_999].iter().all(|&byte| byte == 0));
        });
    }
}

/// An open file outlives its name, whatever is under way when the name goes.
#[cfg(unix)]
#[test]
fn a_file_that_is_removed_while_it_is_read_is_read_to_its_end() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let path = dir.path("file");
                let contents = vec![7; 3_000_000];
                std::fs::write(&path, &contents).unwrap();
                let mut file = open_for_all(&path).await;
                let mut start = vec![0; 1_000];
                file.read_exact(&mut start).await.unwrap();
                // Too large to be read at once: the pool has it while the name goes.
                let mut large = vec![0; 1_000_000];
                drop_a_read(&mut file, &mut large).await;
                runtime::fs::remove_file(&path).await.unwrap();
                assert!(!runtime::fs::try_exists(&path).await.unwrap());
                let mut rest = Vec::new();
                file.read_to_end(&mut rest).await.unwrap();
                assert_eq!(rest.len(), 2_999_000);
                file.write_all(b"end").await.unwrap();
                file.flush().await.unwrap();
                assert_eq!(file.metadata().await.unwrap().len(), 3_000_003);
                let error = File::open(&path).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound);
            });
        }
    }
}

#[test]
fn a_seek_before_the_start_is_an_error_and_moves_nothing() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            std::fs::write(&path, "0123456789").unwrap();
            let mut file = File::open(&path).await.unwrap();
            file.seek(SeekFrom::Start(4)).await.unwrap();
            let error = file.seek(SeekFrom::Current(-5)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(file.seek(SeekFrom::End(-11)).await.is_err());
            assert_eq!(file.read_u8().await.unwrap(), b'4');
        });
    }
}

#[test]
fn a_seek_while_something_is_under_way_is_refused() {
    use runtime::io::AsyncSeek;
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        let mut file = open_for_all(&dir.path("file")).await;
        drop(Pin::new(&mut file).poll_write(&mut noop(), b"x"));
        let error = Pin::new(&mut file).start_seek(SeekFrom::Start(0));
        assert!(error.unwrap_err().to_string().contains("poll_complete"));
        file.rewind().await.unwrap();
    });
}

/// More than is copied at once, and more than one operation moves.
#[test]
fn large_contents_come_back_as_they_were_written() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let sent: Vec<u8> = (0..5_000_000_u32)
                    .map(|it| (it.wrapping_mul(it) >> 7) as u8)
                    .collect();
                let mut file = open_for_all(&dir.path("file")).await;
                assert_eq!(file.max_buf_size(), 2 * 1024 * 1024);
                file.write_all(&sent).await.unwrap();
                file.rewind().await.unwrap();
                let mut received = Vec::new();
                file.read_to_end(&mut received).await.unwrap();
                assert!(received == sent);
            });
        }
    }
}

#[test]
fn a_task_that_always_finds_cached_bytes_yields() {
    let _bound = hang_bound();
    let dir = Directory::new();
    std::fs::write(dir.path("file"), [0; 4096]).unwrap();
    current().block_on(async {
        let mut file = File::open(dir.path("file")).await.unwrap();
        let other = runtime::spawn(async {});
        let mut buf = [0; 100];
        // Ends because the other task runs; without yielding it never would.
        while !other.is_finished() {
            file.read_exact(&mut buf).await.unwrap();
            file.rewind().await.unwrap();
        }
    });
}

#[test]
fn attributes_and_clones_belong_to_the_open_file() {
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        let path = dir.path("file");
        let mut file = File::create_new(&path).await.unwrap();
        assert_eq!(
            File::create_new(&path).await.unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        file.write_all(b"abc").await.unwrap();
        let mut clone = file.try_clone().await.unwrap();
        assert_eq!(clone.metadata().await.unwrap().len(), 3);
        // They share the position.
        clone.write_all(b"def").await.unwrap();
        clone.sync_all().await.unwrap();
        assert_eq!(file.stream_position().await.unwrap(), 6);

        let mut permissions = file.metadata().await.unwrap().permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).await.unwrap();
        assert!(std::fs::metadata(&path).unwrap().permissions().readonly());
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        file.set_modified(time).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().modified().unwrap(), time);

        std::fs::remove_file(&path).unwrap();
        file.rewind().await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abcdef", "removed, but open");
    });
}

#[test]
fn a_file_becomes_one_of_std_when_it_is_idle() {
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        let mut file = open_for_all(&dir.path("file")).await;
        drop(Pin::new(&mut file).poll_write(&mut noop(), b"abc"));
        // Perhaps it is written by now, and perhaps not.
        let std = match file.try_into_std() {
            Ok(std) => std,
            Err(file) => file.into_std().await,
        };
        assert_eq!(std.metadata().unwrap().len(), 3);
        let mut file = File::from(std);
        file.flush().await.unwrap();
        assert!(file.try_into_std().is_ok());
    });
}

/// `into_std` does not depend on futures that were dropped.
#[test]
fn a_file_becomes_one_of_std_although_an_operation_goes_on_unseen() {
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        for _ in 0..50 {
            let file = open_for_all(&dir.path("file")).await;
            drop(pin!(file.sync_all()).poll(&mut noop()));
            let std = file.into_std().await;
            assert!(std.metadata().unwrap().is_file());
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_error_of_a_write_comes_with_the_next_call() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let full = || async {
                let mut options = File::options();
                options.read(true).write(true);
                let mut file = options.open("/dev/full").await.unwrap();
                assert_eq!(file.write(b"x").await.unwrap(), 1);
                file
            };
            let kind = ErrorKind::StorageFull;
            let mut file = full().await;
            assert_eq!(file.flush().await.unwrap_err().kind(), kind);
            assert_eq!(file.write(b"x").await.unwrap(), 1);
            assert_eq!(file.write(b"x").await.unwrap_err().kind(), kind);
            assert_eq!(file.write(b"x").await.unwrap(), 1);
            // The bytes are gone, whoever asks how often.
            for _ in 0..3 {
                assert_eq!(file.shutdown().await.unwrap_err().kind(), kind);
                assert_eq!(file.flush().await.unwrap_err().kind(), kind);
                assert_eq!(file.sync_all().await.unwrap_err().kind(), kind);
                assert_eq!(file.sync_data().await.unwrap_err().kind(), kind);
            }

            // W3: something else learns of it, and leaves it to the next write or flush.
            let mut file = full().await;
            assert_eq!(file.read(&mut [1; 4]).await.unwrap(), 4);
            assert_eq!(file.write(b"x").await.unwrap_err().kind(), kind);
            let mut file = full().await;
            file.rewind().await.unwrap();
            assert_eq!(file.flush().await.unwrap_err().kind(), kind);
            let mut file = full().await;
            let _ = file.sync_all().await;
            assert_eq!(file.flush().await.unwrap_err().kind(), kind);
        });
    }
}

/// The disk is full behind so many bytes, as far as this process is concerned.
#[cfg(target_os = "linux")]
fn limit_files_to(size: u64) {
    let limit = libc::rlimit {
        rlim_cur: size,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: ignores the signal at the limit.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // SAFETY: sets a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
}

/// W3, L1: no flush says that all is well while bytes are missing.
#[cfg(target_os = "linux")]
#[test]
fn a_flush_fails_until_what_was_lost_is_written_again() {
    crate::support::in_child!("a_flush_fails_until_what_was_lost_is_written_again", || {
        let _bound = hang_bound();
        for dir in places() {
            for runtime in both(1) {
                runtime.block_on(async {
                    let path = dir.path("file");
                    let mut file = File::create(&path).await.unwrap();
                    limit_files_to(10_000);
                    file.write_all(&[b'a'; 10_004]).await.unwrap();
                    assert!(file.flush().await.is_err());
                    limit_files_to(libc::RLIM_INFINITY);
                    // There is room by now, but nobody has written the bytes.
                    for _ in 0..3 {
                        let error = file.flush().await.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
                        assert_eq!(error.raw_os_error(), Some(libc::EFBIG));
                    }
                    // Elsewhere is not there.
                    file.rewind().await.unwrap();
                    file.write_all(b"bbbb").await.unwrap();
                    assert!(file.flush().await.is_err());
                    // In two parts, the second first; the last byte of all is written by neither.
                    file.seek(SeekFrom::Start(10_002)).await.unwrap();
                    file.write_all(b"c").await.unwrap();
                    assert!(file.flush().await.is_err());
                    file.seek(SeekFrom::Start(9_999)).await.unwrap();
                    file.write_all(b"ddd").await.unwrap();
                    assert!(file.flush().await.is_err(), "one byte is missing");
                    assert!(file.sync_all().await.is_err(), "one byte is missing");
                    file.seek(SeekFrom::Start(10_003)).await.unwrap();
                    file.write_all(b"e").await.unwrap();
                    file.flush().await.unwrap();
                    file.sync_all().await.unwrap();
                    let found = std::fs::read(&path).unwrap();
                    assert_eq!(found.len(), 10_004);
                    assert_eq!(&found[9_998..], b"adddce");
                });
            }
        }
    });
}

/// W3: also whoever gives the bytes up, or writes on after the error.
#[cfg(target_os = "linux")]
#[test]
fn what_was_lost_may_be_cut_off_or_written_next() {
    crate::support::in_child!("what_was_lost_may_be_cut_off_or_written_next", || {
        let _bound = hang_bound();
        for dir in places() {
            current().block_on(async {
                let path = dir.path("file");
                for append in [false, true] {
                    let _ = std::fs::remove_file(&path);
                    let mut options = OpenOptions::new();
                    options.create(true).write(true).append(append);
                    let mut file = options.open(&path).await.unwrap();
                    limit_files_to(100);
                    file.write_all(&[b'a'; 104]).await.unwrap();
                    // Not told yet: the write is refused, and told.
                    assert!(file.write(b"no").await.is_err());
                    limit_files_to(libc::RLIM_INFINITY);
                    file.write_all(b"bc").await.unwrap();
                    assert!(file.flush().await.is_err(), "two bytes are missing");
                    file.write_all(b"de").await.unwrap();
                    file.flush().await.unwrap();
                    let found = std::fs::read(&path).unwrap();
                    assert_eq!(&found[99..], b"abcde");
                }
                let mut file = File::create(&path).await.unwrap();
                limit_files_to(100);
                file.write_all(&[b'a'; 104]).await.unwrap();
                assert!(file.flush().await.is_err());
                file.set_len(100).await.unwrap();
                file.flush().await.unwrap();
                file.write_all(b"a").await.unwrap();
                assert!(file.flush().await.is_err());
                limit_files_to(libc::RLIM_INFINITY);
            });
        }
    });
}

/// A pipe has no places: as many bytes as were lost stand for them.
#[cfg(target_os = "linux")]
#[test]
fn a_flush_of_a_stream_fails_until_as_many_bytes_were_written() {
    let _bound = hang_bound();
    current().block_on(async {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        let mut file = File::from(std::os::fd::OwnedFd::from(writer));
        // More than fits, so that the rest is lost.
        file.write_all(&vec![1; 2_000_000]).await.unwrap();
        for _ in 0..3 {
            assert!(file.flush().await.is_err());
        }
        reader.set_nonblocking(true).unwrap();
        let mut buf = vec![0; 1_000_000];
        let mut arrived = 0;
        while let Ok(count) = std::io::Read::read(&mut &reader, &mut buf) {
            arrived += count;
        }
        reader.set_nonblocking(false).unwrap();
        let mut missing = 2_000_000 - arrived;
        assert!(missing > 0);
        while missing > 0 {
            assert!(file.flush().await.is_err());
            let count = missing.min(50_000);
            file.write_all(&buf[..count]).await.unwrap();
            missing -= count;
            let flushed = file.flush().await;
            assert_eq!(flushed.is_ok(), missing == 0, "{missing}");
            std::io::Read::read_exact(&mut &reader, &mut buf[..count]).unwrap();
        }
    });
}

/// W2, W5: what was read for somebody who has gone is at its place after an operation that failed.
#[test]
fn a_failed_operation_leaves_the_position_where_it_was() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            std::fs::write(&path, "0123456789").unwrap();
            let mut file = open_for_all(&path).await;
            let mut large = vec![0; 1 << 20];
            drop_a_read(&mut file, &mut large).await;
            assert_eq!(file.read_u8().await.unwrap(), b'0');
            assert!(file.seek(SeekFrom::Current(-2)).await.is_err());
            assert_eq!(file.read_u8().await.unwrap(), b'1');
            assert!(file.seek(SeekFrom::End(-11)).await.is_err());
            file.write_all(b"X").await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"01X3456789");
        });
    }
}

/// W5: the same if there is no thread for the job.
#[cfg(target_os = "linux")]
#[test]
fn an_operation_without_a_thread_leaves_the_position_where_it_was() {
    let name = "an_operation_without_a_thread_leaves_the_position_where_it_was";
    crate::support::in_child!(name, || {
        let _bound = hang_bound();
        let dir = Directory::new();
        let path = dir.path("file");
        std::fs::write(&path, "0123456789").unwrap();
        let (with_a_thread, without) = (current(), current());
        let mut large = vec![0; 1 << 20];
        let mut file = with_a_thread.block_on(async {
            let mut file = open_for_all(&path).await;
            drop_a_read(&mut file, &mut large).await;
            assert_eq!(file.read_u8().await.unwrap(), b'0');
            file
        });
        crate::support::refuse_calls(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
        without.block_on(async {
            assert!(file.write(b"no").await.is_err());
            assert!(file.set_len(0).await.is_err());
            let now = std::time::SystemTime::now();
            assert!(file.set_modified(now).await.is_err());
        });
        with_a_thread.block_on(async {
            assert_eq!(file.read_u8().await.unwrap(), b'1');
            assert_eq!(file.stream_position().await.unwrap(), 2);
        });
        without.block_on(async {
            assert!(file.write(b"no").await.is_err());
        });
        with_a_thread.block_on(async {
            file.write_all(b"X").await.unwrap();
            file.flush().await.unwrap();
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"01X3456789");
    });
}

#[test]
fn reading_and_writing_against_the_options_are_errors() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            let mut file = File::create(&path).await.unwrap();
            assert!(file.read(&mut [0; 4]).await.is_err());
            file.write_all(b"x").await.unwrap();
            file.flush().await.unwrap();
            let mut file = File::open(&path).await.unwrap();
            assert_eq!(file.write(b"y").await.unwrap(), 1);
            assert!(file.flush().await.is_err());
            assert_eq!(file.read_u8().await.unwrap(), b'x');
            assert!(file.set_len(0).await.is_err());
        });
    }
}

/// A pipe, a device, a file that the kernel makes up: none is tried at once.
#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_can_be_read_too() {
    let _bound = hang_bound();
    current().block_on(async {
        let mut zeros = File::open("/dev/zero").await.unwrap();
        let mut buf = [1; 1000];
        zeros.read_exact(&mut buf).await.unwrap();
        assert_eq!(buf, [0; 1000]);
        let mut text = String::new();
        let mut status = File::open("/proc/self/status").await.unwrap();
        status.read_to_string(&mut text).await.unwrap();
        assert!(text.contains("Threads"));

        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut reader = File::from(std::os::fd::OwnedFd::from(reader));
        let mut writer = File::from(std::os::fd::OwnedFd::from(writer));
        let mut buf = [0; 4];
        let mut read = pin!(reader.read(&mut buf));
        assert!(read.as_mut().poll(&mut noop()).is_pending());
        writer.write_all(b"ab").await.unwrap();
        assert_eq!(read.await.unwrap(), 2);
        assert!(reader.seek(SeekFrom::Start(0)).await.is_err());
        drop(reader);
        writer.flush().await.unwrap();
    });
}

/// The open of a FIFO waits for its writer; nothing opens it before.
#[cfg(target_os = "linux")]
#[test]
fn opening_a_fifo_waits_for_its_other_end() {
    let _bound = hang_bound();
    let dir = Directory::new();
    let path = dir.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    current().block_on(async {
        let reading = runtime::spawn(runtime::fs::read_to_string(path.clone()));
        runtime::task::yield_now().await;
        let mut writer = File::options().write(true).open(&path).await.unwrap();
        writer.write_all(b"through").await.unwrap();
        writer.flush().await.unwrap();
        drop(writer);
        assert_eq!(reading.await.unwrap().unwrap(), "through");
    });
}

/// W4: the runtime of the pool is gone.
#[test]
fn operations_after_the_end_of_the_runtime_are_errors() {
    let _bound = hang_bound();
    let dir = Directory::new_in(places().last().unwrap().as_ref().parent().unwrap());
    let path = dir.path("file");
    std::fs::write(&path, "0123456789").unwrap();
    let runtime = multi(1);
    let handle = runtime.handle().clone();
    let mut file = runtime.block_on(open_for_all(&path));
    drop(runtime);
    let _context = handle.enter();
    let mut large = vec![0; 1 << 20];
    for _ in 0..2 {
        let text = current().block_on(async {
            // Polled in the context of the runtime that is gone.
            poll_fn(|cx| {
                let _context = handle.enter();
                let mut buf = ReadBuf::new(&mut large);
                Pin::new(&mut file).poll_read(cx, &mut buf)
            })
            .await
            .unwrap_err()
            .to_string()
        });
        assert_eq!(text, "background task failed");
        let seek = current().block_on(async {
            drop(Pin::new(&mut file).poll_write(&mut noop(), b"x"));
            file.rewind().await
        });
        drop(seek);
    }
}

/// F4 of `fs::files`: also what the system would answer from its caches.
#[test]
fn after_the_end_of_the_runtime_nothing_is_done_at_once() {
    fn refused<T: std::fmt::Debug>(result: std::io::Result<T>) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(
            error.get_ref().unwrap().to_string(),
            "background task failed"
        );
    }
    let _bound = hang_bound();
    let dir = Directory::new();
    let path = dir.path("file");
    for runtime in both(1) {
        std::fs::write(&path, "0123456789").unwrap();
        let handle = runtime.handle().clone();
        let _context = handle.enter();
        let mut file = runtime.block_on(open_for_all(&path));
        runtime.shutdown_timeout(std::time::Duration::from_secs(1000));
        handle.block_on(async {
            refused(runtime::fs::read_to_string(&path).await);
            refused(runtime::fs::metadata(&path).await);
            refused(runtime::fs::try_exists(&path).await);
            refused(File::open(&path).await);
            refused(runtime::fs::write(&path, "x").await);
            refused(file.read(&mut [0; 4]).await);
            refused(file.seek(SeekFrom::Start(2)).await);
            refused(file.metadata().await);
            // A write is not even accepted.
            refused(file.write(b"x").await);
            refused(file.write(b"x").await);
            file.flush().await.unwrap();
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"0123456789");
    }
}

/// A write that was accepted is written, although the runtime ends at once.
#[test]
fn the_end_of_the_runtime_waits_for_accepted_writes() {
    let _bound = hang_bound();
    let dir = Directory::new();
    for runtime in both(2) {
        let path = dir.path("file");
        runtime.block_on(async {
            for _ in 0..20 {
                let mut file = File::create(&path).await.unwrap();
                drop(Pin::new(&mut file).poll_write(&mut noop(), b"promised"));
            }
        });
        drop(runtime);
        assert_eq!(std::fs::read(&path).unwrap(), b"promised");
    }
}

#[test]
fn without_a_runtime_files_panic_cached_or_not() {
    let poll = |future: &mut dyn FnMut()| panic_text(future);
    let text = poll(&mut || drop(pin!(File::open("/")).poll(&mut noop())));
    assert!(text.contains("no reactor running"), "{text}");
    let text = poll(&mut || drop(pin!(runtime::fs::metadata("/")).poll(&mut noop())));
    assert!(text.contains("no reactor running"), "{text}");
}

#[test]
fn the_size_of_operations_is_at_least_one() {
    let _bound = hang_bound();
    let dir = Directory::new();
    current().block_on(async {
        let mut file = open_for_all(&dir.path("file")).await;
        let text = panic_text(|| file.set_max_buf_size(0));
        assert!(text.contains("`max_buf_size` must be greater than 0"));
        file.set_max_buf_size(1);
        assert_eq!(file.write(b"abc").await.unwrap(), 1);
        assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 1);
        let text = format!("{file:?}");
        assert!(text.starts_with("tokio::fs::File { std: File { "), "{text}");
    });
}
