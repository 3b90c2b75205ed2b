//! TCP echo of 64 bytes on loopback, servers and clients in one runtime.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const BYTES: usize = 64;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "net/tcp_echo/1",
            operations: 1,
            run: echo::<P, 1>,
        },
        Scenario {
            id: "net/tcp_echo/64",
            operations: 64,
            run: echo::<P, 64>,
        },
        Scenario {
            id: "net/tcp_echo/1000",
            operations: 1_000,
            run: echo::<P, 1_000>,
        },
    ]
}

/// Answers until the client is gone.
async fn serve<P: Peer>(mut stream: P::Stream) {
    let mut buffer = [0; 1_024];
    loop {
        let length = P::read(&mut stream, &mut buffer).await;
        if length == 0 {
            return;
        }
        P::write_all(&mut stream, &buffer[..length]).await;
    }
}

/// Makes `rounds` round trips.
async fn converse<P: Peer>(stream: &mut P::Stream, rounds: u64) {
    let mut answer = [0; BYTES];
    for round in 0..rounds {
        let question = [round as u8; BYTES];
        P::write_all(stream, &question).await;
        P::read_exact(stream, &mut answer).await;
        assert_eq!(question, answer);
    }
}

/// Every client makes one round trip per iteration. Connecting and the first round trip, which
/// makes the kernel and the allocator fill in what they left open, are not timed.
fn echo<P: Peer, const CONNECTIONS: usize>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (listener, address) = P::listen().await;
        let mut servers = Vec::with_capacity(CONNECTIONS);
        let mut streams = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let mut stream = P::connect(address).await;
            let accepted = P::accept(&listener).await;
            servers.push(P::spawn(serve::<P>(accepted)));
            converse::<P>(&mut stream, 1).await;
            streams.push(stream);
        }
        let watch = Stopwatch::start();
        let clients: Vec<_> = streams
            .into_iter()
            .map(|mut stream| P::spawn(async move { converse::<P>(&mut stream, iterations).await }))
            .collect();
        for client in clients {
            client.await;
        }
        let sample = watch.stop();
        for server in servers {
            server.await;
        }
        sample
    })
}
