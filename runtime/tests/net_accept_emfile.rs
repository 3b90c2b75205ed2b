//! Accepting while the process has no file descriptor left. Alone in its file, because the
//! limit is the whole process's.
#![cfg(target_os = "linux")]

use runtime::net::{TcpListener, TcpStream};
use std::fs::File;

/// Lowers the limit of open files, so that running out of them takes few.
fn limit_open_files(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: the call reads one `rlimit`, which outlives it.
    let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(outcome, 0, "the limit cannot be lowered");
}

/// The error goes to the caller, and once there are descriptors the connection that waited is
/// accepted, although no new event comes for it.
#[test]
fn accepting_works_again_once_there_are_descriptors() {
    limit_open_files(64);
    let mut builder = runtime::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            hoard.push(file);
        }
        for _ in 0..3 {
            let error = listener.accept().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        }
        hoard.clear();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}
