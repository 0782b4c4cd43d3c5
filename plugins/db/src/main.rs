//! The plugin as a program.

fn main() -> std::process::ExitCode {
    homeport_service::main(vec![homeport_service::Entry::new("db", homeport_plugin_db::run)])
}
