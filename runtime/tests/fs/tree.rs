//! The functions of `fs`: names, directories, links, whole files, and what the system refuses.

use crate::support::{Directory, both, current, hang_bound, places};
use runtime::fs::{self, DirBuilder, File, OpenOptions};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};

/// An entry is what was read, not what stands at its path by now.
#[cfg(unix)]
#[test]
fn an_entry_tells_of_itself_after_its_directory_was_moved() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let (before, after) = (dir.path("before"), dir.path("after"));
                std::fs::create_dir(&before).unwrap();
                std::fs::write(before.join("x"), "12345").unwrap();
                let mut entries = fs::read_dir(&before).await.unwrap();
                let entry = entries.next_entry().await.unwrap().unwrap();
                let len = async || entry.metadata().await.unwrap().len();
                assert_eq!(len().await, 5);
                std::fs::rename(&before, &after).unwrap();
                assert_eq!(len().await, 5, "by a path that is gone");
                // A directory in place of the file, in another directory.
                std::fs::create_dir_all(before.join("x")).unwrap();
                assert_eq!(len().await, 5, "by a path that is another's");
                assert!(entry.metadata().await.unwrap().is_file());
                assert!(entry.file_type().await.unwrap().is_file());
                assert_eq!(entry.path(), before.join("x"));
                // The directory is the same, the file is gone.
                std::fs::remove_file(after.join("x")).unwrap();
                assert_eq!(kind(entry.metadata().await), ErrorKind::NotFound);
            });
        }
    }
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.kind(),
    }
}

async fn names(path: &Path) -> io::Result<BTreeSet<OsString>> {
    let mut entries = fs::read_dir(path).await?;
    let mut names = BTreeSet::new();
    while let Some(entry) = entries.next_entry().await? {
        assert!(names.insert(entry.file_name()), "an entry twice");
    }
    assert!(
        entries.next_entry().await?.is_none(),
        "an entry after the end"
    );
    Ok(names)
}

#[test]
fn whole_files_are_written_read_copied_renamed_and_removed() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            runtime.block_on(async {
                let (one, two) = (dir.path("one"), dir.path("two"));
                // Empty, small, the most that is read at once, and one more.
                for size in [0, 1, 4096, 128 * 1024, 128 * 1024 + 1, 1_000_000] {
                    let sent: Vec<u8> = (0..size as u32).map(|it| (it >> 3) as u8).collect();
                    fs::write(&one, &sent).await.unwrap();
                    assert!(fs::read(&one).await.unwrap() == sent, "{size}");
                    assert_eq!(fs::metadata(&one).await.unwrap().len(), size);
                    assert_eq!(fs::copy(&one, &two).await.unwrap(), size);
                    assert!(fs::read(&two).await.unwrap() == sent, "{size}");
                }
                fs::write(&one, "text").await.unwrap();
                fs::rename(&one, &two).await.unwrap();
                assert_eq!(fs::read_to_string(&two).await.unwrap(), "text");
                assert!(!fs::try_exists(&one).await.unwrap());
                assert!(fs::try_exists(&two).await.unwrap());
                fs::write(&two, b"\xff").await.unwrap();
                let error = fs::read_to_string(&two).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                assert_eq!(error.to_string(), "stream did not contain valid UTF-8");
                assert!(error.get_ref().is_none(), "std's own error");
                fs::remove_file(&two).await.unwrap();
                for _ in 0..2 {
                    assert_eq!(kind(fs::remove_file(&two).await), ErrorKind::NotFound);
                    assert_eq!(kind(fs::read(&two).await), ErrorKind::NotFound);
                    assert_eq!(kind(fs::metadata(&two).await), ErrorKind::NotFound);
                    assert_eq!(kind(File::open(&two).await), ErrorKind::NotFound);
                }
            });
        }
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_or_not() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let (file, hard, soft) = (dir.path("file"), dir.path("hard"), dir.path("soft"));
            fs::write(&file, "x").await.unwrap();
            fs::hard_link(&file, &hard).await.unwrap();
            fs::symlink("file", &soft).await.unwrap();
            assert_eq!(fs::read_link(&soft).await.unwrap(), Path::new("file"));
            assert_eq!(fs::metadata(&hard).await.unwrap().nlink(), 2);
            assert!(fs::metadata(&soft).await.unwrap().is_file());
            assert!(fs::symlink_metadata(&soft).await.unwrap().is_symlink());
            let full = fs::canonicalize(&soft).await.unwrap();
            assert_eq!(full, std::fs::canonicalize(&file).unwrap());
            assert_eq!(fs::read(&soft).await.unwrap(), b"x");
            fs::remove_file(&file).await.unwrap();
            assert!(!fs::try_exists(&soft).await.unwrap(), "it dangles");
            assert!(fs::symlink_metadata(&soft).await.is_ok());
            assert_eq!(kind(fs::read_link(&hard).await), ErrorKind::InvalidInput);

            fs::symlink("round", dir.path("round")).await.unwrap();
            let error = fs::metadata(dir.path("round")).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
            let zero = fs::metadata("/dev/zero").await.unwrap();
            assert!(zero.file_type().is_char_device());
        });
    }
}

#[test]
fn attributes_are_those_of_std() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let path = dir.path("file");
            fs::write(&path, "0123456789").await.unwrap();
            let (ours, std) = (fs::metadata(&path).await.unwrap(), std::fs::metadata(&path));
            let std = std.unwrap();
            assert_eq!(ours.len(), std.len());
            assert_eq!(ours.modified().unwrap(), std.modified().unwrap());
            assert_eq!(ours.created().ok(), std.created().ok());
            assert_eq!(ours.permissions(), std.permissions());
            let mut permissions = std.permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&path, permissions).await.unwrap();
            assert!(fs::metadata(&path).await.unwrap().permissions().readonly());
            assert!(fs::metadata(&dir).await.unwrap().is_dir());
        });
    }
}

#[test]
fn directories_are_created_and_removed() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            fs::create_dir(dir.path("a")).await.unwrap();
            assert_eq!(
                kind(fs::create_dir(dir.path("a")).await),
                ErrorKind::AlreadyExists
            );
            assert_eq!(
                kind(fs::create_dir(dir.path("x/y")).await),
                ErrorKind::NotFound
            );
            fs::create_dir_all(dir.path("a/b/c")).await.unwrap();
            fs::create_dir_all(dir.path("a/b/c")).await.unwrap();
            assert!(fs::remove_dir(dir.path("a")).await.is_err(), "not empty");
            fs::remove_dir(dir.path("a/b/c")).await.unwrap();
            fs::write(dir.path("a/file"), "").await.unwrap();
            assert_eq!(
                names(&dir.path("a")).await.unwrap(),
                BTreeSet::from(["b".into(), "file".into()])
            );
            fs::remove_dir_all(dir.path("a")).await.unwrap();
            assert!(names(dir.as_ref()).await.unwrap().is_empty());

            let mut builder = DirBuilder::new();
            assert!(builder.create(dir.path("p/q")).await.is_err());
            #[cfg(unix)]
            builder.mode(0o500);
            builder.recursive(true).create(dir.path("p")).await.unwrap();
            builder.create(dir.path("p")).await.unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                let mode = fs::metadata(dir.path("p")).await.unwrap().mode();
                assert_eq!(mode & 0o777, 0o500);
            }
        });
    }
}

/// More entries than one batch holds, of each kind.
#[test]
fn every_entry_of_a_large_directory_is_seen_once() {
    let _bound = hang_bound();
    for runtime in both(2) {
        for dir in places() {
            let expected: BTreeSet<OsString> =
                (0..3_000).map(|it| format!("entry{it}").into()).collect();
            for name in &expected {
                std::fs::File::create(dir.as_ref().join(name)).unwrap();
            }
            runtime.block_on(async {
                assert_eq!(names(dir.as_ref()).await.unwrap(), expected);
                // A future that is dropped loses no entry.
                let mut entries = fs::read_dir(&dir).await.unwrap();
                let mut count = 0;
                loop {
                    {
                        let mut next = pin!(entries.next_entry());
                        let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                        if polled.is_ready() {
                            count += 1;
                        }
                    }
                    match entries.next_entry().await.unwrap() {
                        Some(_) => count += 1,
                        None => break,
                    }
                }
                // At the end the first of the two polls may have been the one that saw it.
                assert!(count == 3_000 || count == 3_001, "{count}");
            });
        }
    }
}

#[test]
fn entries_know_what_they_are() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            fs::write(dir.path("file"), "abc").await.unwrap();
            let mut entries = fs::read_dir(&dir).await.unwrap();
            let entry = entries.next_entry().await.unwrap().unwrap();
            assert_eq!(entry.path(), dir.path("file"));
            assert_eq!(entry.file_name(), "file");
            assert!(entry.file_type().await.unwrap().is_file());
            assert_eq!(entry.metadata().await.unwrap().len(), 3);
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                let metadata = entry.metadata().await.unwrap();
                assert_eq!(entry.ino(), metadata.ino());
            }
            fs::remove_file(dir.path("file")).await.unwrap();
            assert_eq!(kind(entry.metadata().await), ErrorKind::NotFound);
        });
    }
}

#[test]
fn what_the_system_refuses_is_its_error() {
    let _bound = hang_bound();
    for dir in places() {
        current().block_on(async {
            let (file, none) = (dir.path("file"), dir.path("none"));
            fs::write(&file, "x").await.unwrap();
            let beneath = file.join("x");
            assert_eq!(kind(fs::read(&dir).await), ErrorKind::IsADirectory);
            assert_eq!(kind(fs::write(&dir, "x").await), ErrorKind::IsADirectory);
            assert_eq!(kind(fs::read(&beneath).await), ErrorKind::NotADirectory);
            assert_eq!(kind(fs::metadata(&beneath).await), ErrorKind::NotADirectory);
            assert_eq!(kind(File::open(&beneath).await), ErrorKind::NotADirectory);
            assert_eq!(kind(fs::read_dir(&file).await), ErrorKind::NotADirectory);
            assert_eq!(kind(fs::read_dir(&none).await), ErrorKind::NotFound);
            assert_eq!(kind(fs::rename(&none, &file).await), ErrorKind::NotFound);
            assert_eq!(kind(fs::copy(&none, &file).await), ErrorKind::NotFound);
            assert_eq!(kind(fs::canonicalize(&none).await), ErrorKind::NotFound);
            assert_eq!(kind(fs::remove_dir(&file).await), ErrorKind::NotADirectory);
            // A directory can be opened, but not read.
            let mut open = File::open(&dir).await.unwrap();
            let read = runtime::io::AsyncReadExt::read(&mut open, &mut [0; 4]).await;
            assert_eq!(kind(read), ErrorKind::IsADirectory);

            let zero = dir.path("a\0b");
            assert_eq!(kind(fs::read(&zero).await), ErrorKind::InvalidInput);
            assert_eq!(kind(fs::metadata(&zero).await), ErrorKind::InvalidInput);
            assert_eq!(kind(File::open(&zero).await), ErrorKind::InvalidInput);
            assert_eq!(kind(File::create(&zero).await), ErrorKind::InvalidInput);
            assert_eq!(kind(fs::try_exists(&zero).await), ErrorKind::InvalidInput);
            let long = dir.path(&"n".repeat(300));
            assert_eq!(kind(fs::read(&long).await), ErrorKind::InvalidFilename);
            assert_eq!(kind(fs::read("").await), ErrorKind::NotFound);
            assert_eq!(
                kind(OpenOptions::new().open(&file).await),
                ErrorKind::InvalidInput
            );
        });
    }
}

/// As another user, because the superuser may do everything.
#[cfg(target_os = "linux")]
#[test]
fn what_is_not_permitted_is_an_error() {
    crate::support::in_child!("what_is_not_permitted_is_an_error", || {
        // SAFETY: asks, and changes this process, which has one more test at most.
        if unsafe { libc::geteuid() } == 0 {
            let dir = Directory::new();
            std::fs::write(dir.path("secret"), "x").unwrap();
            let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
            std::fs::set_permissions(dir.path("secret"), none).unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { libc::setresuid(65534, 65534, 0) }, 0);
            current().block_on(async {
                for _ in 0..2 {
                    let denied = ErrorKind::PermissionDenied;
                    assert_eq!(kind(fs::read(dir.path("secret")).await), denied);
                    assert_eq!(kind(File::open(dir.path("secret")).await), denied);
                    assert_eq!(kind(fs::write(dir.path("new"), "x").await), denied);
                    assert!(fs::metadata(dir.path("secret")).await.is_ok());
                }
            });
            // SAFETY: as above.
            assert_eq!(unsafe { libc::setresuid(0, 0, 0) }, 0);
        } else {
            current().block_on(async {
                let error = fs::write("/proc/version", "x").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            });
        }
    });
}

/// The disk is full as far as this process is concerned.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_grow_is_an_error_of_the_next_call() {
    use runtime::io::AsyncWriteExt;
    let name = "a_file_that_may_not_grow_is_an_error_of_the_next_call";
    crate::support::in_child!(name, || {
        let limit = libc::rlimit {
            rlim_cur: 10_000,
            rlim_max: 10_000,
        };
        // SAFETY: ignores the signal at the limit.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // SAFETY: sets a limit of this process.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
        assert_eq!(set, 0);
        let dir = Directory::new();
        current().block_on(async {
            let large = vec![1; 20_000];
            let error = fs::write(dir.path("file"), &large).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileTooLarge);
            let mut file = File::create(dir.path("file")).await.unwrap();
            assert_eq!(file.write(&large).await.unwrap(), 20_000);
            assert_eq!(kind(file.flush().await), ErrorKind::FileTooLarge);
            assert_eq!(fs::metadata(dir.path("file")).await.unwrap().len(), 10_000);
        });
    });
}

/// Old kernels and sandboxes: everything works without the calls that ask.
#[cfg(target_os = "linux")]
#[test]
fn without_the_calls_for_cached_files_everything_is_offloaded() {
    let name = "without_the_calls_for_cached_files_everything_is_offloaded";
    crate::support::in_child!(name, || {
        crate::support::refuse_calls(&[libc::SYS_openat2, libc::SYS_preadv2], libc::EPERM);
        let dir = Directory::new();
        current().block_on(async {
            let path = dir.path("file");
            fs::write(&path, "abc").await.unwrap();
            for _ in 0..2 {
                assert_eq!(fs::read(&path).await.unwrap(), b"abc");
                assert_eq!(fs::metadata(&path).await.unwrap().len(), 3);
                assert!(fs::try_exists(&path).await.unwrap());
                assert!(!fs::try_exists(dir.path("none")).await.unwrap());
                let mut file = File::open(&path).await.unwrap();
                let mut text = String::new();
                let read = runtime::io::AsyncReadExt::read_to_string(&mut file, &mut text);
                assert_eq!(read.await.unwrap(), 3);
            }
        });
    });
}

/// A name is another file each time it is opened: what is read is one of them, whole.
#[test]
fn a_file_that_is_replaced_meanwhile_is_read_whole() {
    let _bound = hang_bound();
    for dir in places() {
        let (path, next) = (dir.path("file"), dir.path("next"));
        std::fs::write(&path, "a".repeat(5_000)).unwrap();
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                for round in 0..500_usize {
                    let letter = if round % 2 == 0 { "b" } else { "a" };
                    std::fs::write(&next, letter.repeat(5_000 + round % 2 * 1_000)).unwrap();
                    std::fs::rename(&next, &path).unwrap();
                }
            }
        });
        current().block_on(async {
            while !writer.is_finished() {
                let bytes = fs::read(&path).await.unwrap();
                assert!(bytes.iter().all(|it| *it == bytes[0]));
                assert!([5_000, 6_000].contains(&bytes.len()));
            }
        });
        writer.join().unwrap();
    }
}

/// Futures can be spawned and shared, as tokio's.
#[test]
fn futures_and_types_are_send_and_sync() {
    fn both_of<T: Send + Sync>(_: impl FnOnce() -> T) {}
    fn types<T: Send + Sync + Unpin>() {}
    types::<File>();
    types::<fs::ReadDir>();
    types::<fs::DirEntry>();
    types::<DirBuilder>();
    types::<OpenOptions>();
    both_of(|| fs::read("x"));
    both_of(|| fs::read_to_string("x"));
    both_of(|| fs::write("x", vec![1]));
    both_of(|| fs::copy("x", "y"));
    both_of(|| fs::metadata("x"));
    both_of(|| fs::try_exists("x"));
    both_of(|| fs::canonicalize("x"));
    both_of(|| fs::remove_dir_all("x"));
    both_of(|| fs::read_dir("x"));
    both_of(|| File::open("x"));
    both_of(|| File::create("x"));
    fn of_file(file: &File) {
        both_of(|| file.set_len(1));
        both_of(|| file.sync_all());
        both_of(|| file.metadata());
        both_of(|| file.try_clone());
    }
    fn of_others(entries: &mut fs::ReadDir, entry: &fs::DirEntry, file: File) {
        both_of(|| entries.next_entry());
        both_of(|| entry.metadata());
        both_of(|| entry.file_type());
        both_of(|| file.into_std());
    }
    let _ = (of_file, of_others);
}
