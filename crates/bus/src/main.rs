//! The bus as a binary of its own.

fn main() -> std::process::ExitCode {
    homeport_bus::command::main()
}
