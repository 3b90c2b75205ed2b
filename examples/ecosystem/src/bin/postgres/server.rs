//! A PostgreSQL cluster in a directory that is removed afterwards.

use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::{env, fs};
use tokio::process::{Child, Command};
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_postgres::NoTls;

pub struct Server {
    child: Child,
    port: u16,
    home: Home,
}

/// Removed when dropped.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `None` where PostgreSQL is not installed.
pub async fn start() -> Result<Option<Server>> {
    let Some(programs) = programs() else {
        return Ok(None);
    };
    let home = Home(env::temp_dir().join(format!("ecosystem-postgres-{}", std::process::id())));
    fs::create_dir(&home.0)?;
    let root = fs::metadata(&home.0)?.uid() == 0;
    // PostgreSQL refuses to run as root.
    let user = if root { Some(unprivileged()?) } else { None };
    if let Some((user, group)) = user {
        chown(&home.0, Some(user), Some(group))?;
    }
    let command = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command
            .current_dir(&home.0)
            .env("LC_ALL", "C")
            .kill_on_drop(true);
        command.arg("-D").arg(home.0.join("data"));
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        command
    };
    let made = command("initdb")
        .args(["-U", "postgres", "-A", "trust", "-N"])
        .output()
        .await?;
    if !made.status.success() {
        return Err(Error::other(String::from_utf8_lossy(&made.stderr)));
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let log = fs::File::create(home.0.join("log"))?;
    let child = command("postgres")
        .args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
            "-k",
        ])
        .arg(&home.0)
        .stderr(log.try_clone()?)
        .stdout(log)
        .spawn()?;
    let server = Server { child, port, home };
    // It listens before it is ready, and refuses until then.
    let limit = Instant::now() + Duration::from_secs(30);
    while let Err(error) = tokio_postgres::connect(&server.tcp(), NoTls).await {
        if Instant::now() > limit {
            let log = fs::read_to_string(server.home.0.join("log"))?;
            return Err(Error::other(format!("{error}\n{log}")));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(Some(server))
}

impl Server {
    pub fn tcp(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres", self.port)
    }

    pub fn unix(&self) -> String {
        format!(
            "host={} port={} user=postgres",
            self.home.0.display(),
            self.port
        )
    }

    /// An interrupt makes it close its connections and stop.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().ok_or(ErrorKind::NotFound)?;
        let kill = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -INT {id}"))
            .status()
            .await?;
        assert!(kill.success());
        let status = timeout(Duration::from_secs(30), self.child.wait()).await??;
        assert!(status.success(), "postgres: {status}");
        Ok(())
    }
}

/// The directory with `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    env::split_paths(&path)
        .chain(versions.map(|version| version.path().join("bin")))
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// User and group of `postgres` or `nobody`.
fn unprivileged() -> Result<(u32, u32)> {
    let users = fs::read_to_string(Path::new("/etc/passwd"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .ok_or_else(|| Error::other("no user `postgres` or `nobody` to run PostgreSQL as"))
}
