//! cargo run --bin postgres
//!
//! tokio-postgres against a throw-away PostgreSQL over TCP and a Unix socket: prepared and
//! pipelined queries, transactions, COPY, notifications, a cancelled query. Skipped without initdb.

mod server;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt, future, stream};
use std::error::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, NoTls};

const TASKS: i32 = 8;

async fn connect(config: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Many queries at once on one connection: they are sent without waiting for each other.
async fn pipelined(client: &Client) -> Result<(), tokio_postgres::Error> {
    let insert = client
        .prepare("INSERT INTO item (id, name) VALUES ($1, $2)")
        .await?;
    let names: Vec<String> = (0..100).map(|id| format!("item {id}")).collect();
    let ids: Vec<i32> = (0..100).collect();
    let inserted = ids.iter().zip(&names).map(|(id, name)| {
        let insert = &insert;
        async move { client.execute(insert, &[id, name]).await }
    });
    let counts = future::try_join_all(inserted).await?;
    assert_eq!(counts.iter().sum::<u64>(), 100);
    let rows = client
        .query("SELECT id, name FROM item WHERE id < $1 ORDER BY id", &[&3])
        .await?;
    let names: Vec<&str> = rows.iter().map(|row| row.get("name")).collect();
    assert_eq!(names, ["item 0", "item 1", "item 2"]);
    Ok(())
}

async fn transactions(config: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let mut client = connect(config).await?;
        tasks.spawn(async move {
            for round in 0..20 {
                let transaction = client.transaction().await?;
                let query = "UPDATE account SET sum = sum + $1";
                transaction.execute(query, &[&i64::from(task)]).await?;
                if round % 2 == 0 {
                    transaction.commit().await?;
                } // Else it is dropped, and so rolled back.
            }
            Ok::<_, tokio_postgres::Error>(())
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome??;
    }
    Ok(())
}

async fn copied(client: &Client) -> Result<(), tokio_postgres::Error> {
    let sink = client.copy_in("COPY number FROM STDIN").await?;
    let mut sink = std::pin::pin!(sink);
    let lines = (1..=10_000).map(|number| Ok(Bytes::from(format!("{number}\n"))));
    sink.send_all(&mut stream::iter(lines)).await?;
    assert_eq!(sink.finish().await?, 10_000);
    let out = client.copy_out("COPY number TO STDOUT").await?;
    let length: usize = out
        .map_ok(|chunk| chunk.len())
        .try_fold(0, |sum, length| future::ok(sum + length))
        .await?;
    assert_eq!(
        length,
        (1..=10_000)
            .map(|number: u32| number.to_string().len() + 1)
            .sum()
    );
    Ok(())
}

/// Another connection notifies one that listens; its connection future yields the message.
async fn notified(config: &str, notifier: &Client) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (client, mut connection) = tokio_postgres::connect(config, NoTls).await?;
    let (messages, mut received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut stream = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(AsyncMessage::Notification(message))) = stream.next().await {
            messages
                .send(message.payload().to_owned())
                .expect("somebody waits");
        }
    });
    client.batch_execute("LISTEN news").await?;
    notifier
        .batch_execute("NOTIFY news, 'first'; NOTIFY news, 'second'")
        .await?;
    assert_eq!(received.recv().await.as_deref(), Some("first"));
    assert_eq!(received.recv().await.as_deref(), Some("second"));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let Some(server) = server::start().await? else {
        println!("postgres: skipped, no initdb on the PATH or under /usr/lib/postgresql");
        return Ok(());
    };
    let client = connect(&server.tcp()).await?;
    let tables =
        "CREATE TABLE item (id int PRIMARY KEY, name text); CREATE TABLE number (value int);
                  CREATE TABLE account (sum bigint); INSERT INTO account VALUES (0)";
    client.batch_execute(tables).await?;
    pipelined(&client).await?;
    transactions(&server.unix()).await?;
    let sum: i64 = client
        .query_one("SELECT sum FROM account", &[])
        .await?
        .get(0);
    assert_eq!(sum, i64::from(10 * (0..TASKS).sum::<i32>()));
    copied(&client).await?;
    notified(&server.unix(), &client).await?;

    let twice = client
        .execute("INSERT INTO item VALUES (0, 'again')", &[])
        .await;
    assert_eq!(
        twice.expect_err("there is one").code(),
        Some(&SqlState::UNIQUE_VIOLATION)
    );
    let (asleep, token) = (
        client.batch_execute("SELECT pg_sleep(600)"),
        client.cancel_token(),
    );
    let cancel = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        token.cancel_query(NoTls).await
    };
    let (slept, cancelled) = tokio::join!(asleep, cancel);
    cancelled?;
    assert_eq!(
        slept.expect_err("cancelled").code(),
        Some(&SqlState::QUERY_CANCELED)
    );
    drop(client);
    server.stop().await?;
    println!(
        "postgres: tokio-postgres over TCP and a Unix socket, {TASKS} connections, COPY, NOTIFY, cancel"
    );
    Ok(())
}
