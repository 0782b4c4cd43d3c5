//! The binary of Homeport.

fn main() -> std::process::ExitCode {
    homeport::main()
}
