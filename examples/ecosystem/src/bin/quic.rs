//! cargo run --bin quic
//!
//! QUIC over UDP (quinn): four connections of sixteen streams each, 64 KiB echoed on every stream,
//! datagrams, an idle timeout, and a clean close.

use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, ServerConfig, TransportConfig, VarInt,
};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_rustls::rustls::RootCertStore;

const CONNECTIONS: usize = 4;
const STREAMS: usize = 16;
const BYTES: usize = 1 << 16;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

async fn serve(endpoint: Endpoint) -> Outcome {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await?;
            loop {
                tokio::select! {
                    datagram = connection.read_datagram() => connection.send_datagram(datagram?)?,
                    stream = connection.accept_bi() => {
                        let (mut send, mut receive) = stream?;
                        tokio::spawn(async move {
                            let all = receive.read_to_end(BYTES).await?;
                            send.write_all(&all).await?;
                            send.finish()?;
                            Outcome::Ok(())
                        });
                    }
                }
            }
            #[allow(unreachable_code)]
            Outcome::Ok(())
        });
    }
    Ok(())
}

async fn stream(connection: Connection, seed: usize) -> Outcome {
    let sent: Vec<u8> = (0..BYTES).map(|at| (at * seed >> 2) as u8).collect();
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&sent).await?;
    send.finish()?;
    let received = receive.read_to_end(BYTES).await?;
    assert!(
        received == sent,
        "stream {seed} got other bytes than it sent"
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = made.signing_key.serialize_der().try_into()?;
    let config = ServerConfig::with_single_cert(vec![certificate.clone()], key)?;
    let server = Endpoint::server(config, "127.0.0.1:0".parse()?)?;
    let address = server.local_addr()?;
    let serving = tokio::spawn(serve(server.clone()));

    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let mut config = ClientConfig::with_root_certificates(Arc::new(roots))?;
    let mut client = Endpoint::client("127.0.0.1:0".parse()?)?;
    client.set_default_client_config(config.clone());

    let mut streams = JoinSet::new();
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let connection = client.connect(address, "localhost")?.await?;
        for seed in 1..=STREAMS {
            streams.spawn(stream(connection.clone(), number * STREAMS + seed));
        }
        connections.push(connection);
    }
    while let Some(outcome) = streams.join_next().await {
        outcome??;
    }
    connections[0].send_datagram("unordered".into())?;
    assert_eq!(connections[0].read_datagram().await?, "unordered");

    // Without traffic a connection with such a limit ends by itself.
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(VarInt::from_u32(500).into()));
    config.transport_config(Arc::new(transport));
    let lost = match client.connect_with(config, address, "localhost")?.await {
        Ok(silent) => tokio::time::timeout(Duration::from_secs(60), silent.closed()).await?,
        Err(at_once) => at_once,
    };
    assert!(matches!(lost, ConnectionError::TimedOut), "{lost}");

    for connection in connections {
        connection.close(VarInt::from_u32(0), b"done");
    }
    client.wait_idle().await;
    server.close(VarInt::from_u32(0), b"");
    serving.await??;
    println!(
        "quic: quinn, {CONNECTIONS} connections of {STREAMS} streams, a datagram, one idle timeout"
    );
    Ok(())
}
