//! What a load does not show: watches, time-outs, aborts, bad clients, a worker that is blocked.
//! Each check returns what it saw, or what was wrong.

use crate::client::Client;
use crate::protocol::MAX_LINE;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::sync::mpsc;
use runtime::time::{self, Instant};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

pub(crate) type Outcome = Result<String, Box<dyn std::error::Error + Send + Sync>>;

fn expect(seen: &str, right: &str) -> Result<(), String> {
    match seen.starts_with(right) {
        true => Ok(()),
        false => Err(format!("expected {right:?}, got {seen:?}")),
    }
}

/// `WATCH` in one task, `SET` in another; a channel between them says when.
pub(crate) async fn watches(address: SocketAddr) -> Outcome {
    const ROUNDS: u32 = 200;
    let (watching, mut is_watching) = mpsc::channel(1);
    let watcher = runtime::spawn(async move {
        let mut client = Client::connect(address).await?;
        for round in 0..ROUNDS {
            expect(&client.ask("WATCH watched 20000").await?, "WATCHING")?;
            watching.send(round).await?;
            let answer = client.answer().await?;
            expect(&answer, &format!("CHANGED round {round}"))?;
        }
        expect(&client.ask("WATCH nobody-sets-it 20").await?, "WATCHING")?;
        expect(&client.answer().await?, "TIMEOUT")?;
        Outcome::Ok(String::new())
    });
    let mut client = Client::connect(address).await?;
    while let Some(round) = is_watching.recv().await {
        expect(
            &client.ask(&format!("SET watched round {round}")).await?,
            "OK",
        )?;
    }
    watcher.await??;
    Ok(format!(
        "{ROUNDS} changes seen by a watcher, one watch timed out"
    ))
}

/// A connection that says nothing is closed, and told so.
pub(crate) async fn idle_connection(address: SocketAddr, limit: Duration) -> Outcome {
    let begun = Instant::now();
    let mut client = Client::connect(address).await?;
    expect(&client.answer().await?, "ERR idle")?;
    let after = begun.elapsed();
    match after >= limit && client.answer().await.is_err() {
        true => Ok(format!(
            "closed after {:.2} s of silence",
            after.as_secs_f64()
        )),
        false => Err(format!("closed after {after:?}, before {limit:?}, or not at all").into()),
    }
}

/// A request without end is timed out, its thread is freed, and its connection goes on.
pub(crate) async fn slow_request(address: SocketAddr) -> Outcome {
    let mut client = Client::connect(address).await?;
    expect(&client.ask("SET slow value").await?, "OK")?;
    let begun = Instant::now();
    let answer = client.ask(&format!("HASH slow {}", u64::MAX)).await?;
    let after = begun.elapsed();
    expect(&answer, "ERR timed out")?;
    expect(&client.ask("GET slow").await?, "VALUE value")?;
    Ok(format!(
        "timed out after {:.2} s, the connection went on",
        after.as_secs_f64()
    ))
}

/// Clients are aborted while they wait for an answer; the server does not mind.
pub(crate) async fn aborted_clients(address: SocketAddr) -> Outcome {
    let clients: Vec<_> = (0..16)
        .map(|_| {
            runtime::spawn(async move {
                let mut client = Client::connect(address).await?;
                loop {
                    client.ask("WATCH nobody-sets-it-either 20000").await?;
                    client.answer().await?;
                }
                #[allow(unreachable_code)]
                std::io::Result::Ok(())
            })
        })
        .collect();
    time::sleep(Duration::from_millis(300)).await;
    for client in clients {
        client.abort();
        match client.await {
            Err(error) if error.is_cancelled() => {}
            other => return Err(format!("an aborted task ended with {other:?}").into()),
        }
    }
    Ok("16 tasks aborted in the middle of a watch".into())
}

/// Lines that are no commands get an answer that starts with `ERR` and says what to do.
pub(crate) async fn bad_clients(address: SocketAddr) -> Outcome {
    let mut client = Client::connect(address).await?;
    let long = [b"SET a ".as_slice(), &vec![b'x'; 3 * MAX_LINE], b"\n"].concat();
    let lines: [(&[u8], &str); 7] = [
        (b"FLY\n", "ERR unknown command"),
        (b"\n", "ERR empty line"),
        (b"GET\n", "ERR the key is missing: write GET <key>"),
        (b"EXPIRE a soon\n", "ERR the number is not one"),
        (b"\xff\xfe\xfd\n", "ERR not UTF-8"),
        (b"\0\x1b[2J\n", "ERR unknown command"),
        (&long, "ERR line too long"),
    ];
    for (line, right) in lines {
        client.send(line).await?;
        expect(&client.answer().await?, right)?;
    }
    expect(&client.ask("GET still-here").await?, "NIL")?;

    // Half-closed: the last line has no end, and is answered all the same.
    client.send(b"INCR half-closed\nGET half-closed").await?;
    client.write.shutdown().await?;
    let mut rest = String::new();
    client.read.read_to_string(&mut rest).await?;
    expect(&rest, "INT 1\nVALUE 1\n")?;

    // Gone without a word, in the middle of a line.
    for _ in 0..100 {
        Client::connect(address)
            .await?
            .send(b"SET a unfinis")
            .await?;
    }
    Ok("7 bad lines refused, a half-closed one served, 100 gone in mid-line".into())
}

/// A task blocks its worker; the others are served by the rest.
pub(crate) async fn blocked_worker(address: SocketAddr) -> Outcome {
    if runtime::Handle::current().metrics().num_workers() == 1 {
        return Ok("not shown: with one worker there is no other".into());
    }
    const BLOCKED: Duration = Duration::from_millis(400);
    let mut client = Client::connect(address).await?;
    let blocker = runtime::spawn(async { thread::sleep(BLOCKED) });
    let (mut answers, mut longest) = (0, Duration::ZERO);
    while !blocker.is_finished() {
        let asked = Instant::now();
        client.ask("INCR while-blocked").await?;
        longest = longest.max(asked.elapsed());
        answers += 1;
    }
    blocker.await?;
    // Without help the first answer might come when the worker is free again.
    match answers > 10 {
        true => Ok(format!(
            "{answers} answers meanwhile, the longest took {longest:.1?}"
        )),
        false => Err(format!("{answers} answers while a task slept for {BLOCKED:?}").into()),
    }
}

/// Requests that are under way when the server is asked to stop are answered; `stop` is called
/// once all are sent.
pub(crate) async fn graceful_stop(address: SocketAddr, stop: impl FnOnce()) -> Outcome {
    const REQUESTS: usize = 32;
    let mut clients = Vec::new();
    for number in 0..REQUESTS {
        let mut client = Client::connect(address).await?;
        expect(&client.ask(&format!("SET last{number} value")).await?, "OK")?;
        client
            .send(format!("HASH last{number} 500000\n").as_bytes())
            .await?;
        clients.push(client);
    }
    // All lines have arrived once a later connection has been answered.
    Client::connect(address).await?.ask("STATS").await?;
    stop();
    let right = crate::hash::hash("value", 500_000, &false.into()).expect("not cancelled");
    let mut answered = 0;
    for mut client in clients {
        let answer = client.answer().await?;
        // The server may see the stop before the line; then it says so.
        match answer == format!("HASH {right:016x}") {
            true => answered += 1,
            false => expect(&answer, "ERR server is stopping")?,
        }
    }
    match Client::connect(address).await {
        Ok(_) => Err("a connection was accepted after the stop".into()),
        Err(_) => Ok(format!(
            "{answered} of {REQUESTS} requests under way answered, new clients refused"
        )),
    }
}
