//! More connections at once than the process may have files. Alone in its file, because the limit
//! is the whole process's.
#![cfg(target_os = "linux")]

mod support;

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use support::multi_thread;

const CONNECTIONS: usize = 5_000;
const FILES: u64 = 1_024;
/// Tells the process of the clients where to connect.
const ADDRESS: &str = "RUNTIME_TEST_ADDRESS";

fn open_files() -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one `rlimit`, which outlives it.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(outcome, 0);
    limit
}

fn limit_open_files(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        ..open_files()
    };
    // SAFETY: the call reads one `rlimit`, which outlives it.
    let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(outcome, 0, "the limit cannot be set");
}

/// Connects all at once; each sends a byte and waits for its echo.
fn clients(address: &str) {
    limit_open_files(open_files().rlim_max);
    multi_thread(async {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|id| {
                let address = address.to_owned();
                runtime::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(&[id as u8]).await.unwrap();
                    let mut answer = [0; 1];
                    stream.read_exact(&mut answer).await.unwrap();
                    assert_eq!(answer, [id as u8]);
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

/// The listener reports that there are no files left, once per connection it cannot take, and goes
/// on when some were closed. Everybody is served.
#[test]
fn a_listener_survives_more_connections_than_files() {
    if let Ok(address) = std::env::var(ADDRESS) {
        return clients(&address);
    }
    if open_files().rlim_max < CONNECTIONS as u64 + 100 {
        eprintln!("skipped: the clients may not open {CONNECTIONS} files");
        return;
    }
    limit_open_files(FILES);
    multi_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut clients = Command::new(std::env::current_exe().unwrap())
            .arg("a_listener_survives_more_connections_than_files")
            .env(ADDRESS, listener.local_addr().unwrap().to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut held = Vec::new();
        let (mut accepted, mut refused) = (0, 0);
        while accepted < CONNECTIONS {
            match listener.accept().await {
                Ok((stream, _)) => {
                    accepted += 1;
                    held.push(stream);
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                    refused += 1;
                    serve(&mut held).await;
                }
            }
        }
        serve(&mut held).await;
        assert!(refused > 0, "the limit was never reached");
        let outcome = runtime::task::spawn_blocking(move || clients.wait()).await;
        assert!(outcome.unwrap().unwrap().success());
    });
}

/// Answers and closes all that were accepted so far.
async fn serve(held: &mut Vec<TcpStream>) {
    assert!(!held.is_empty(), "there is nothing to close");
    for mut stream in held.drain(..) {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(&byte).await.unwrap();
    }
}
