//! Files that the system has cached: no device is waited for, so the runtimes differ in their hops.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 1_000;
const ENTRIES: u64 = 10_000;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "fs/read/open_4k",
            operations: 1,
            run: read_open,
        },
        Scenario {
            id: "fs/read/whole_4k",
            operations: 1,
            run: read_whole,
        },
        Scenario {
            id: "fs/copy/1000_times_4k",
            operations: BLOCKS,
            run: copy,
        },
        Scenario {
            id: "fs/walk/10000_entries",
            operations: ENTRIES,
            run: walk,
        },
    ]
}

/// A directory of its own, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("runtime-bench-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory for the bench");
        Self(path)
    }

    fn file(&self, name: &str, size: usize) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, vec![7; size]).expect("a file for the bench");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A task reads the first block of an open file, again and again.
fn read_open<P: Peer>(peer: &P, iterations: u64) -> Sample {
    let directory = Directory::new();
    let path = directory.file("block", BLOCK);
    peer.run_task(async move {
        let mut file = P::open(&path).await;
        let mut block = [0; BLOCK];
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            P::rewind(&mut file).await;
            P::read_block(&mut file, &mut block).await;
        }
        watch.stop()
    })
}

/// A task reads a small file whole, opening included.
fn read_whole<P: Peer>(peer: &P, iterations: u64) -> Sample {
    let directory = Directory::new();
    let path = directory.file("block", BLOCK);
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            assert_eq!(P::read_whole(&path).await.len(), BLOCK);
        }
        watch.stop()
    })
}

/// A task copies a file, block by block.
fn copy<P: Peer>(peer: &P, iterations: u64) -> Sample {
    let directory = Directory::new();
    let from = directory.file("from", BLOCK * BLOCKS as usize);
    let to = directory.0.join("to");
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            copy_once::<P>(&from, &to).await;
        }
        watch.stop()
    })
}

async fn copy_once<P: Peer>(from: &Path, to: &Path) {
    let mut from = P::open(from).await;
    let mut to = P::create(to).await;
    let mut block = vec![0; BLOCK];
    for _ in 0..BLOCKS {
        P::read_block(&mut from, &mut block).await;
        P::write_block(&mut to, &block).await;
    }
    P::flush(&mut to).await;
}

/// A task asks every entry of a directory what it is.
fn walk<P: Peer>(peer: &P, iterations: u64) -> Sample {
    let directory = Directory::new();
    for number in 0..ENTRIES {
        directory.file(&number.to_string(), 0);
    }
    let path = directory.0.clone();
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            assert_eq!(P::count_files(&path).await as u64, ENTRIES);
        }
        watch.stop()
    })
}
