//! A gRPC library of another family, the one of C, as Python uses it.

use std::process::Command;

use crate::bus::Bus;

/// Where the system's package `python3-grpcio` puts it.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn grpc_of_python_publishes_and_subscribes() {
    let bus = Bus::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bus/python_client.py");
    let output = Command::new(PYTHON).arg(script).arg(bus.socket()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nIt needs the package python3-grpcio.");
}
