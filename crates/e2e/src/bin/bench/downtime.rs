//! How long a web server does not answer while it is updated: by Homeport, and by `docker compose up -d`.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use homeport_e2e::{Project, Run, Stack, free_port, until};

use crate::figures::{median, row, spread};

/// Updates measured of each kind.
const ROUNDS: usize = 20;

/// Asks a web server again and again and notes the longest gap between two good answers.
struct Prober {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Prober {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut last_good, mut longest) = (Instant::now(), Duration::ZERO);
            while !seen.load(Ordering::Relaxed) {
                if answers(port) {
                    longest = longest.max(last_good.elapsed());
                    last_good = Instant::now();
                }
                thread::sleep(Duration::from_millis(2));
            }
            longest
        });
        Self { stop, thread }
    }

    fn longest_gap(self) -> anyhow::Result<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the prober panicked"))
    }
}

fn answers(port: u16) -> bool {
    let attempt = || -> std::io::Result<bool> {
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_millis(50))?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b"200"))
    };
    attempt().unwrap_or(false)
}

pub(crate) fn measure(run: &Run) -> anyhow::Result<()> {
    let versions = run.fixtures.versions("nginx")?;
    let settings = [("HOMEPORT_UPDATER__HEALTH__STABLE_MS", "1000")];
    let stack = Stack::start(run, "downtime", &settings)?;
    let port = free_port()?;
    let compose = |image: &str| {
        format!(
            "services:\n  web:\n    image: {image}\n    ports: [\"127.0.0.1:{port}:80\"]\n    labels: [\"{}\"]\n",
            run.label()
        )
    };
    let project = Project::up(run, "hp-downtime", &compose(&versions.old_image()))?;
    run.engine.docker(&["pull", &versions.new_image()])?;
    let to = |image: &str| -> anyhow::Result<()> {
        std::fs::write(project.directory.join("compose.yaml"), compose(image))?;
        project.compose(&["up", "-d"])?;
        until("the web server answers", Duration::from_secs(10), || answers(port))
    };
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        until("the web server answers", Duration::from_secs(10), || answers(port))?;
        let prober = Prober::start(port);
        to(&versions.new_image())?;
        bare.push(prober.longest_gap()?);
        to(&versions.old_image())?;

        let prober = Prober::start(port);
        stack.update(&project.container("web")?, Some(&versions.new)).with_context(|| format!("round {round}"))?;
        ours.push(prober.longest_gap()?);
        to(&versions.old_image())?;
    }
    let ratio =
        median(&ours).zip(median(&bare)).map_or(f64::NAN, |(ours, bare)| ours.as_secs_f64() / bare.as_secs_f64());
    row("downtime of an nginx update, bare `docker compose up -d`", &spread(&bare), "–");
    row("the same through Homeport", &format!("{}, {ratio:.2} times", spread(&ours)), "1.2 times");
    Ok(())
}
