//! The bus as a binary of its own.

fn main() -> std::process::ExitCode {
    homeport_service::single::main(homeport_bus::entry())
}
