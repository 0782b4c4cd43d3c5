//! docker-agent as a program of its own, as its tests run it; what ships is the multi-call binary.

use std::process::ExitCode;

use homeport_service::Entry;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("bound") => homeport_docker_agent::bound_main(arguments),
        Some("helper") => homeport_docker_agent::helper_main(arguments),
        _ => homeport_service::main(vec![Entry::new("docker-agent", homeport_docker_agent::run)]),
    }
}
