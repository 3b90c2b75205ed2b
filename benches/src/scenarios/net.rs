//! Sockets on loopback, servers and clients in one runtime: echoes of 64 bytes, connections made and
//! closed, and a stream in one direction.

mod wire;

use std::os::fd::AsFd;

use self::wire::{Tcp, Udp, Unix, Wire};
use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const BYTES: usize = 64;

/// Of one `write` of the stream.
const BLOCK: usize = 64 * 1024;
/// Of one iteration of the stream: 1 MiB.
const BLOCKS: u64 = 16;

/// Connections that wait while others are active, if there may be so many files.
const IDLE: usize = 10_000;
/// Round trips of each active connection in one iteration among idle ones: it takes long to begin.
const ROUNDS_AMONG_IDLE: u64 = 50;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    let row = |id, operations, run: fn(&P, u64) -> Sample| Scenario {
        id,
        operations,
        run,
    };
    vec![
        row("net/tcp_echo/1", 1, echo::<P, Tcp<P>, 1>),
        row("net/tcp_echo/64", 64, echo::<P, Tcp<P>, 64>),
        row("net/tcp_echo/1000", 1_000, echo::<P, Tcp<P>, 1_000>),
        row(
            "net/tcp_echo/64_of_10000",
            64 * ROUNDS_AMONG_IDLE,
            echo_among_idle::<P, 64>,
        ),
        row("net/udp_echo/1", 1, echo::<P, Udp<P>, 1>),
        row("net/udp_echo/64", 64, echo::<P, Udp<P>, 64>),
        row("net/unix_echo/1", 1, echo::<P, Unix<P>, 1>),
        row("net/unix_echo/64", 64, echo::<P, Unix<P>, 64>),
        row("net/accept_close", 1, accept_close),
        row("net/tcp_stream", BLOCKS, stream),
    ]
}

/// Answers until the client is gone, or says so by an empty datagram.
async fn serve<P: Peer, W: Wire<P>>(mut wire: W) {
    let mut buffer = [0; 1_024];
    loop {
        let length = wire.receive(&mut buffer).await;
        if length == 0 {
            return;
        }
        wire.send(&buffer[..length]).await;
    }
}

/// Makes `rounds` round trips.
async fn converse<P: Peer, W: Wire<P>>(wire: &mut W, rounds: u64) {
    let mut answer = [0; BYTES];
    for round in 0..rounds {
        let question = [round as u8; BYTES];
        wire.send(&question).await;
        wire.receive_exact(&mut answer).await;
        assert_eq!(question, answer);
    }
}

/// Every client makes one round trip per iteration. Connecting and the first round trip, which
/// makes the kernel and the allocator fill in what they left open, are not timed.
fn echo<P: Peer, W: Wire<P>, const CONNECTIONS: usize>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut maker = W::maker().await;
        echo_on::<P, W>(&mut maker, CONNECTIONS, iterations).await
    })
}

async fn echo_on<P: Peer, W: Wire<P>>(
    maker: &mut W::Maker,
    connections: usize,
    rounds: u64,
) -> Sample {
    let mut servers = Vec::with_capacity(connections);
    let mut wires = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (mut client, server) = W::pair(maker).await;
        servers.push(P::spawn(serve::<P, W>(server)));
        converse::<P, W>(&mut client, 1).await;
        wires.push(client);
    }
    let watch = Stopwatch::start();
    let clients: Vec<_> = wires
        .into_iter()
        .map(|mut wire| {
            P::spawn(async move {
                converse::<P, W>(&mut wire, rounds).await;
                wire
            })
        })
        .collect();
    let mut wires = Vec::with_capacity(connections);
    for client in clients {
        wires.push(client.await);
    }
    let sample = watch.stop();
    for wire in wires {
        wire.end().await;
    }
    for server in servers {
        server.await;
    }
    sample
}

/// As `echo`, while a task waits on each of many other connections.
fn echo_among_idle<P: Peer, const CONNECTIONS: usize>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut maker = Tcp::<P>::maker().await;
        let idle = idle_connections(CONNECTIONS);
        let mut clients = Vec::with_capacity(idle);
        let mut servers = Vec::with_capacity(idle);
        for _ in 0..idle {
            let (client, server) = Tcp::pair(&mut maker).await;
            servers.push(P::spawn(serve::<P, _>(server)));
            clients.push(client);
        }
        let rounds = iterations * ROUNDS_AMONG_IDLE;
        let sample = echo_on::<P, Tcp<P>>(&mut maker, CONNECTIONS, rounds).await;
        drop(clients);
        for server in servers {
            server.await;
        }
        sample
    })
}

/// As many as are wanted, or as the process may have, both ends of each, besides the active ones.
fn idle_connections(active: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised it stays as it is.
    let _unchanged = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files.saturating_sub(100) / 2)
        .min(IDLE)
        .saturating_sub(active)
}

/// One connection after the other is made, accepted, and closed by the server.
fn accept_close<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (listener, address) = P::listen().await;
        let watch = Stopwatch::start();
        let server = P::spawn(async move {
            for _ in 0..iterations {
                drop(P::accept(&listener).await);
            }
        });
        for _ in 0..iterations {
            let mut client = P::connect(address).await;
            assert_eq!(P::read(&mut client, &mut [0; 1]).await, 0);
        }
        server.await;
        watch.stop()
    })
}

/// Bytes in one direction over one connection, which stays the same for all iterations of a round:
/// what a longer transfer takes is as many times more. A round of 4 GiB are 65,536 operations.
///
/// The server is the one that sends, because its listener decides how its connections share the
/// network (see [`send_without_pacing`]).
fn stream<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (listener, address) = P::listen().await;
        send_without_pacing(&listener);
        let mut client = P::connect(address).await;
        let mut server = P::accept(&listener).await;
        let watch = Stopwatch::start();
        let writer = P::spawn(async move {
            let block = vec![7; BLOCK];
            for _ in 0..iterations * BLOCKS {
                P::write_all(&mut server, &block).await;
            }
        });
        let mut block = vec![0; BLOCK];
        let mut received = 0;
        loop {
            match P::read(&mut client, &mut block).await {
                0 => break,
                count => received += count as u64,
            }
        }
        writer.await;
        assert_eq!(received, iterations * BLOCKS * BLOCK as u64);
        watch.stop()
    })
}

/// Chooses, for the connections that a listener accepts, a way to share the network that sends when
/// there is something to send. Where BBR is the system's default, a timer that is set for each
/// segment is 13 to 20 % of the time, and by how it guessed the bandwidth of the loopback a round is
/// fast or slow by a factor of two, whichever runtime it is.
fn send_without_pacing(listener: &impl AsFd) {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    // Where it is refused the system's choice stays.
    let _unchanged = rustix::net::sockopt::set_tcp_congestion(listener, "reno");
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let _ = listener;
}
