//! cargo run --bin redis_client
//!
//! The redis crate: one multiplexed connection that 64 tasks share, pipelines, errors; against a
//! redis-server if there is one on the PATH, else against the small one in `server.rs`.

mod server;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

const TASKS: usize = 64;
const ROUNDS: usize = 25;

async fn task(mut connection: MultiplexedConnection, number: usize) -> redis::RedisResult<()> {
    let key = format!("key of {number}");
    for round in 0..ROUNDS {
        let value = "x".repeat(number * round);
        let () = connection.set(&key, &value).await?;
        assert_eq!(connection.get::<_, String>(&key).await?, value);
        let _: usize = connection.incr("counter", 1).await?;
    }
    Ok(())
}

async fn check(client: &redis::Client) -> redis::RedisResult<()> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    assert_eq!(connection.ping::<String>().await?, "PONG");
    assert_eq!(connection.get::<_, Option<String>>("nothing").await?, None);

    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        tasks.spawn(task(connection.clone(), number));
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.expect("does not panic")?;
    }
    assert_eq!(connection.get::<_, usize>("counter").await?, TASKS * ROUNDS);

    // A pipeline of a thousand commands is one write; its answers come in order.
    let mut pipeline = redis::pipe();
    for number in 0..500_u32 {
        pipeline.set(format!("piped {number}"), number).ignore();
        pipeline.get(format!("piped {number}"));
    }
    let answers: Vec<u32> = pipeline.query_async(&mut connection).await?;
    assert_eq!(answers, (0..500).collect::<Vec<_>>());

    // An error is that command's alone.
    let () = connection.set("word", "not a number").await?;
    let error = connection.incr::<_, _, i64>("word", 1).await;
    assert!(
        error
            .expect_err("no number")
            .to_string()
            .contains("not an integer")
    );
    assert_eq!(connection.ping::<String>().await?, "PONG");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = server::start().await?;
    let client = redis::Client::open(server.url())?;
    check(&client).await?;
    println!(
        "redis_client: redis against {}, {TASKS} tasks on one connection, a pipeline of 1000",
        server.name()
    );
    server.stop().await?;
    Ok(())
}
