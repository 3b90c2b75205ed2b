//! What the system alone costs: the echo of [`scenarios::net`](crate::scenarios) as loops on `mio`,
//! without tasks, wakers, timers or fairness. A runtime cannot be below it by being clever; what it
//! is above is its own.
//!
//! A lane is one thread with a poll of its own, under both ends of its connections:
//!
//! ```text
//!   client asks ─► poll ─► server reads, answers ─► poll ─► client reads, compares, asks …
//! ```
//!
//! Reads have room for more than a message, so that a short read says without another call that
//! nothing is left. Two ways to share the work out, both shown:
//!
//! - `mio`: one lane. With one connection it is the only fair floor: at any time one end has
//!   something to do, and a second thread could add wakes only. With many it is the floor of CPU
//!   time: no message crosses threads, no lock of the system is contended, nobody is woken by a
//!   thread.
//! - `mio×2`: two lanes, as the runtimes have two workers, and half of the connections for each.
//!   The floor of wall time, for programs whose connections never need each other.
//!
//! Not shown: clients in one thread, servers in the other. Each message then crosses threads, which
//! the runtimes avoid, so it would be no floor.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Barrier;
use std::thread;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::contest::{Contestant, Entry, Kind, Session};
use crate::sample::{Sample, Stopwatch};

const BYTES: usize = 64;
/// What the runtimes take at most per turn.
const EVENTS: usize = 1_024;

/// The floors, in the order of the columns.
pub(crate) fn contestants() -> Vec<Contestant> {
    let floor = |name, entries| Contestant {
        name,
        kind: Kind::Floor,
        entries,
        lateness: None,
    };
    vec![
        floor(
            "mio",
            vec![
                echo("net/tcp_echo/1", 1, 1),
                echo("net/tcp_echo/64", 64, 1),
                echo("net/tcp_echo/1000", 1_000, 1),
            ],
        ),
        floor(
            "mio×2",
            vec![
                echo("net/tcp_echo/64", 64, 2),
                echo("net/tcp_echo/1000", 1_000, 2),
            ],
        ),
    ]
}

fn echo(id: &'static str, connections: usize, lanes: usize) -> Entry {
    let operations = connections as u64;
    Entry::new(id, operations, move || {
        Box::new(Echo { connections, lanes })
    })
}

#[derive(Debug)]
struct Echo {
    connections: usize,
    lanes: usize,
}

impl Session for Echo {
    /// Every client makes one round trip per iteration.
    fn run(&mut self, iterations: u64) -> Sample {
        let per_lane = self.connections / self.lanes;
        let lanes: Vec<_> = (0..self.lanes)
            .map(|_| Lane::connect(per_lane).expect("a lane"))
            .collect();
        // The threads are there before the time is taken, as workers are.
        let start = Barrier::new(self.lanes + 1);
        thread::scope(|scope| {
            let running: Vec<_> = lanes
                .into_iter()
                .map(|mut lane| {
                    let start = &start;
                    scope.spawn(move || {
                        // Makes the kernel fill in what it left open.
                        lane.converse(1);
                        start.wait();
                        lane.converse(iterations);
                        lane
                    })
                })
                .collect();
            start.wait();
            let watch = Stopwatch::start();
            let lanes: Vec<_> = running.into_iter().map(|it| it.join()).collect();
            let sample = watch.stop();
            assert!(lanes.iter().all(Result::is_ok), "a lane panicked");
            sample
        })
    }
}

/// One thread's connections.
#[derive(Debug)]
struct Lane {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    servers: Vec<TcpStream>,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    /// Round trips that were begun, also while the answer is on its way.
    round: u64,
}

impl Lane {
    fn connect(connections: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut clients = Vec::with_capacity(connections);
        let mut servers = Vec::with_capacity(connections);
        let prepared = |stream: std::net::TcpStream, token| -> io::Result<TcpStream> {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(token), both)?;
            Ok(stream)
        };
        for number in 0..connections {
            let client = std::net::TcpStream::connect(listener.local_addr()?)?;
            let (server, _) = listener.accept()?;
            let stream = prepared(client, 2 * number)?;
            clients.push(Client { stream, round: 0 });
            servers.push(prepared(server, 2 * number + 1)?);
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            clients,
            servers,
        })
    }

    /// Every client makes so many round trips.
    fn converse(&mut self, rounds: u64) {
        for client in &mut self.clients {
            client.round = 0;
            client.ask();
        }
        let mut busy = self.clients.len();
        while busy > 0 {
            match self.poll.poll(&mut self.events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome.expect("poll"),
            }
            for event in &self.events {
                let Token(token) = event.token();
                if token % 2 == 1 {
                    serve(&self.servers[token / 2]);
                } else if self.clients[token / 2].take_answer() {
                    if self.clients[token / 2].round < rounds {
                        self.clients[token / 2].ask();
                    } else {
                        busy -= 1;
                    }
                }
            }
        }
    }
}

impl Client {
    fn question(&self) -> [u8; BYTES] {
        [self.round as u8; BYTES]
    }

    fn ask(&mut self) {
        self.round += 1;
        send(&self.stream, &self.question());
    }

    /// Whether the answer was there.
    fn take_answer(&self) -> bool {
        let mut buffer = [0; 2 * BYTES];
        match receive(&self.stream, &mut buffer) {
            0 => false,
            count => {
                assert_eq!(buffer[..count], self.question());
                true
            }
        }
    }
}

fn serve(stream: &TcpStream) {
    let mut buffer = [0; 1_024];
    let count = receive(stream, &mut buffer);
    if count > 0 {
        send(stream, &buffer[..count]);
    }
}

/// How many bytes there were. One message is never split: it is one segment.
fn receive(mut stream: &TcpStream, buffer: &mut [u8]) -> usize {
    match stream.read(buffer) {
        // An event that says something else: writable, say.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        outcome => outcome.expect("read"),
    }
}

/// There is room: at most one message is on its way.
fn send(mut stream: &TcpStream, bytes: &[u8]) {
    assert_eq!(stream.write(bytes).expect("write"), bytes.len());
}
