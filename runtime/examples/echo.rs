//! cargo run --example echo -- 127.0.0.1:7001        then: nc 127.0.0.1 7001
//!
//! Sends back what it receives. Each connection is a task; the accept loop is one too.

use runtime::io;
use runtime::net::TcpListener;

#[runtime::main]
async fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7001".into());
    let listener = TcpListener::bind(&address).await?;
    println!("echoing on {}", listener.local_addr()?);
    loop {
        let (mut socket, peer) = listener.accept().await?;
        runtime::spawn(async move {
            let (mut read, mut write) = socket.split();
            match io::copy(&mut read, &mut write).await {
                Ok(bytes) => println!("{peer}: {bytes} bytes"),
                Err(error) => println!("{peer}: {error}"),
            }
        });
    }
}
