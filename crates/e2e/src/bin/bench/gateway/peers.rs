//! nginx as the server behind all proxies, and nginx and haproxy as proxies, each on one core.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use homeport_e2e::{free_port, until};

/// Longest time that a program may take to start.
const LIMIT: Duration = Duration::from_secs(5);

/// A program that ends with this.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) port: u16,
    child: Child,
}

impl Peer {
    /// The process that does the work: nginx starts one for that.
    pub(super) fn worker(&self) -> anyhow::Result<u32> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        Ok(children.split_whitespace().next().and_then(|child| child.parse().ok()).unwrap_or(own))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // nginx takes its worker along only when it is asked.
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if pid.is_none_or(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Answers 1 KiB on a unix socket.
pub(super) fn upstream(directory: &Path, socket: &Path, core: &str) -> anyhow::Result<Peer> {
    let server = format!(
        "server {{ listen unix:{}; location / {{ default_type text/plain; return 200 {}; }} }}",
        socket.display(),
        "x".repeat(1024)
    );
    let peer = start_nginx(directory, "upstream", &server, core, 0)?;
    until("the upstream listens", LIMIT, || socket.exists())?;
    // Its master makes the socket as root.
    fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(peer)
}

/// As much as the gateway tells plugins and clients, in as many bytes.
pub(super) const SAME_HEADS: &str = "
    proxy_set_header X-Forwarded-Proto http;
    proxy_set_header X-Forwarded-Prefix /plugins/bench;
    proxy_set_header X-Correlation-ID 0123456789abcdef;
    proxy_set_header traceparent 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00;
    add_header X-Frame-Options DENY;
    add_header Cache-Control \"no-cache, no-store, must-revalidate\";
    add_header Pragma no-cache;
    add_header Expires 0;
    add_header X-Correlation-ID 0123456789abcdef;";

/// Passes what is below `/plugins/bench/` to a unix socket, as the gateway does, with further headers.
pub(super) fn nginx(directory: &Path, socket: &Path, core: &str, heads: &str) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let server = format!(
        "upstream plugin {{ server unix:{}; keepalive 64; keepalive_requests 100000000; }}
         server {{
           listen 127.0.0.1:{port};
           location /plugins/bench/ {{
             proxy_pass http://plugin/;
             proxy_http_version 1.1;
             proxy_set_header Connection \"\";
             proxy_set_header Host $host;
             proxy_set_header X-Forwarded-For $remote_addr;
             {heads}
           }}
         }}",
        socket.display()
    );
    let peer = start_nginx(directory, &format!("nginx-{port}"), &server, core, port)?;
    until("nginx listens", LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok(peer)
}

fn start_nginx(directory: &Path, name: &str, server: &str, core: &str, port: u16) -> anyhow::Result<Peer> {
    let home = home(directory, name)?;
    let config = format!(
        "daemon off; worker_processes 1; user root; pid {0}/pid; error_log {0}/error.log;
         events {{ worker_connections 4096; }}
         http {{
           access_log off; keepalive_timeout 600; keepalive_requests 100000000;
           client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};
           {server}
         }}",
        home.display()
    );
    start(&home, &config, "nginx", &["-p", &home.display().to_string(), "-c"], core, port)
}

/// The same with haproxy.
pub(super) fn haproxy(directory: &Path, socket: &Path, core: &str) -> anyhow::Result<Peer> {
    let (port, home) = (free_port()?, home(directory, "haproxy")?);
    let config = format!(
        "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
frontend in
  bind 127.0.0.1:{port}
  http-request replace-path /plugins/bench(/.*)? \\1
  default_backend plugin
backend plugin
  http-reuse always
  option forwardfor
  server plugin unix@{}
",
        socket.display()
    );
    let peer = start(&home, &config, "haproxy", &["-f"], core, port)?;
    until("haproxy listens", LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok(peer)
}

fn home(directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let home = directory.join("peers").join(name);
    fs::create_dir_all(&home)?;
    Ok(home)
}

fn start(home: &Path, config: &str, program: &str, words: &[&str], core: &str, port: u16) -> anyhow::Result<Peer> {
    let file = home.join("config");
    fs::write(&file, config)?;
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]).args(words).arg(&file);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(home.join("stderr"))?);
    Ok(Peer { port, child: command.spawn().with_context(|| format!("starting {program}"))? })
}
