//! `sprbus`: see [`sprbus`].

fn main() -> std::process::ExitCode {
    sprbus::main()
}
