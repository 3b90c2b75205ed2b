//! cargo run --bin tls
//!
//! TLS 1.3 and 1.2 over TCP (tokio-rustls) with a certificate made on the spot (rcgen): a megabyte
//! each way per client, half-closed streams, and a client that does not trust the server.

use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const CLIENTS: usize = 8;
const BYTES: usize = 1 << 20;

async fn echo(acceptor: TlsAcceptor, socket: TcpStream) -> io::Result<()> {
    let stream = acceptor.accept(socket).await?;
    let (mut read, mut write) = tokio::io::split(stream);
    tokio::io::copy(&mut read, &mut write).await?;
    write.shutdown().await
}

async fn client(
    connector: TlsConnector,
    address: std::net::SocketAddr,
    seed: usize,
) -> io::Result<()> {
    let socket = TcpStream::connect(address).await?;
    let name = "localhost".try_into().expect("a name");
    let stream = connector.connect(name, socket).await?;
    let sent: Vec<u8> = (0..BYTES).map(|at| (at * seed >> 3) as u8).collect();
    let (mut read, mut write) = tokio::io::split(stream);
    let body = sent.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&body).await?;
        write.shutdown().await
    });
    let mut received = Vec::new();
    read.read_to_end(&mut received).await?;
    writer.await??;
    assert!(
        received == sent,
        "client {seed} got other bytes than it sent"
    );
    Ok(())
}

fn connector(roots: RootCertStore, version: &'static SupportedProtocolVersion) -> TlsConnector {
    let config = ClientConfig::builder_with_protocol_versions(&[version])
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = made.signing_key.serialize_der().try_into()?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        for _ in 0..=CLIENTS {
            connections.spawn(echo(acceptor.clone(), listener.accept().await?.0));
        }
        let mut refused = 0;
        while let Some(outcome) = connections.join_next().await {
            refused += usize::from(outcome?.is_err());
        }
        Ok::<_, io::Error>(refused)
    });

    let stranger = client(connector(RootCertStore::empty(), &TLS13), address, 0);
    let error = stranger
        .await
        .expect_err("nobody vouches for this certificate");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");

    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let mut clients = JoinSet::new();
    for number in 1..=CLIENTS {
        let version = if number % 2 == 0 { &TLS12 } else { &TLS13 };
        clients.spawn(client(connector(roots.clone(), version), address, number));
    }
    while let Some(outcome) = clients.join_next().await {
        outcome??;
    }
    assert_eq!(server.await??, 1, "one client refused the server");
    println!("tls: tokio-rustls, {CLIENTS} clients, a megabyte each way, one that refused");
    Ok(())
}
