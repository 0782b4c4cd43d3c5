//! The servers that are measured, each a process of its own.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use homeport_e2e::{Bus, free_port, until};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UnixStream,
};

use super::wire::Wire;

/// A connection to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A running server.
pub(crate) enum Server {
    /// Ours.
    Bus { bus: Bus, _directory: tempfile::TempDir },
    /// Another one.
    Peer { child: Child, address: Address, _directory: tempfile::TempDir },
}

/// Where a server listens.
pub(crate) enum Address {
    Port(u16),
    Socket(PathBuf),
}

impl Server {
    /// Starts the server that speaks this.
    pub(crate) fn start(wire: Wire) -> anyhow::Result<Self> {
        match wire {
            Wire::Json | Wire::Grpc => Self::bus(),
            Wire::Least => Self::least(),
            Wire::Nats => Self::peer("nats-server", |port, _| vec!["-a".into(), "127.0.0.1".into(), "-p".into(), port]),
            Wire::Redis => Self::peer("redis-server", |port, _| redis_arguments(&port)),
        }
    }

    /// Starts ours.
    pub(crate) fn bus() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let bus = Bus::start(directory.path(), &[])?;
        Ok(Self::Bus { bus, _directory: directory })
    }

    /// Starts redis so that every write is on disk before it is answered.
    pub(crate) fn redis_on_disk() -> anyhow::Result<Self> {
        Self::peer("redis-server", |port, directory| {
            let disk = ["--appendonly", "yes", "--appendfsync", "always", "--dir"].map(str::to_owned);
            redis_arguments(&port).into_iter().chain(disk).chain([directory.display().to_string()]).collect()
        })
    }

    fn peer(program: &str, arguments: impl FnOnce(String, &Path) -> Vec<String>) -> anyhow::Result<Self> {
        let (directory, port) = (tempfile::tempdir()?, free_port()?);
        let child = spawn(Command::new(find(program)).args(arguments(port.to_string(), directory.path())))
            .with_context(|| format!("starting {program}; `cargo xtask bench` installs it"))?;
        let peer = Self::Peer { child, address: Address::Port(port), _directory: directory };
        until(program, Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(peer)
    }

    fn least() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("socket");
        let child = spawn(Command::new(std::env::current_exe()?).arg(super::LEAST).arg(&socket))?;
        until("its socket", Duration::from_secs(10), || socket.exists())?;
        Ok(Self::Peer { child, address: Address::Socket(socket), _directory: directory })
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        match self {
            Self::Bus { bus, .. } => bus.process_id(),
            Self::Peer { child, .. } => child.id(),
        }
    }

    /// Where ours listens.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        match self {
            Self::Bus { bus, .. } => Some(bus.socket()),
            Self::Peer { .. } => None,
        }
    }

    /// A connection that has introduced itself.
    pub(crate) async fn connect(&self, wire: Wire) -> anyhow::Result<Box<dyn Stream>> {
        let mut stream: Box<dyn Stream> = match self {
            Self::Bus { bus, .. } => unix(&bus.socket())?,
            Self::Peer { address: Address::Socket(socket), .. } => unix(socket)?,
            Self::Peer { address: Address::Port(port), .. } => {
                let stream = tokio::net::TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        stream.write_all(&wire.greeting()).await?;
        if wire == Wire::Nats {
            // It introduces itself with one line.
            read_line(&mut stream).await?;
        }
        Ok(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Peer { child, .. } = self {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Reads to the end of a line, byte by byte so that nothing behind it is taken.
pub(crate) async fn read_line(stream: &mut Box<dyn Stream>) -> anyhow::Result<()> {
    while stream.read_u8().await? != b'\n' {}
    Ok(())
}

fn unix(socket: &Path) -> anyhow::Result<Box<dyn Stream>> {
    // One that blocks waits for its turn when there are many; the other kind fails.
    let stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_nonblocking(true)?;
    Ok(Box::new(UnixStream::from_std(stream)?))
}

fn spawn(command: &mut Command) -> std::io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn redis_arguments(port: &str) -> Vec<String> {
    ["--bind", "127.0.0.1", "--port", port, "--save", ""].map(str::to_owned).to_vec()
}

/// A program in `PATH`, or where programs of administrators are.
fn find(program: &str) -> PathBuf {
    let own = Path::new("/usr/sbin").join(program);
    if own.exists() { own } else { PathBuf::from(program) }
}
