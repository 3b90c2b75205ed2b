//! Running out of files while a driver is made. A binary of its own: the limit is the process's.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::fd::AsRawFd;

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn limit() -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for the write.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(result, 0);
    limit
}

fn set_limit(limit: &libc::rlimit) {
    // SAFETY: `limit` is valid for the read.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) };
    assert_eq!(result, 0);
}

/// Opens files until numbers have no holes, so that a limit of n means n open files.
fn close_the_gaps() -> (Vec<File>, u64) {
    let mut files = Vec::new();
    loop {
        files.push(File::open("/dev/null").unwrap());
        let highest = files.iter().map(|file| file.as_raw_fd()).max().unwrap() as usize;
        // `open_files` counts the directory it reads.
        if open_files() - 1 == highest + 1 {
            return (files, highest as u64 + 1);
        }
    }
}

/// epoll, its duplicate, the waker's counter and the timer: whichever fails, all are closed again.
#[test]
fn a_driver_that_runs_out_of_files_is_an_error_and_leaks_none() {
    let before = limit();
    let (_files, open) = close_the_gaps();
    let files_before = open_files();
    let mut refused = 0;
    loop {
        set_limit(&libc::rlimit {
            rlim_cur: open + refused,
            ..before
        });
        let result = io_driver::Driver::new(16);
        set_limit(&before);
        match result {
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                assert_eq!(open_files(), files_before, "a file is left open");
            }
            Ok(driver) => {
                assert_eq!(open_files(), files_before + refused as usize);
                drop(driver);
                break;
            }
        }
        refused += 1;
    }
    assert_eq!(refused, 4, "each of the four files was refused once");
    assert_eq!(open_files(), files_before);
}
