//! The bridge of the private engine and those that its networks leave behind.

use std::process::Command;

use anyhow::Result;

use crate::program;

/// The default bridge, in place of the `docker0` of the machine's own engine.
pub(super) const BRIDGE: &str = "homeport-test";

/// Every network of this engine has its addresses from here, which is how its bridges are known after a crash.
pub(super) const POOL: &str = "base=10.231.0.0/16,size=24";
const POOL_PREFIX: &str = "10.231.";
const BRIDGE_ADDRESS: &str = "10.231.0.1/24";

/// Makes the default bridge, unless it is there.
pub(super) fn create_bridge() -> Result<()> {
    if program::succeeds(ip()?.args(["link", "show", BRIDGE])) {
        return Ok(());
    }
    program::run_quietly(ip()?.args(["link", "add", BRIDGE, "type", "bridge"]))?;
    program::run_quietly(ip()?.args(["address", "add", BRIDGE_ADDRESS, "dev", BRIDGE]))?;
    program::run_quietly(ip()?.args(["link", "set", BRIDGE, "up"]))
}

/// Removes every bridge with an address of the pool.
pub(super) fn remove_bridges() -> Result<()> {
    let listing = program::read(ip()?.args(["-o", "-4", "address", "show"]))?;
    bridges(&listing).into_iter().try_for_each(|bridge| program::run_quietly(ip()?.args(["link", "delete", bridge])))
}

/// Lines are `5: homeport-test    inet 10.231.0.1/24 …`.
fn bridges(listing: &str) -> Vec<&str> {
    let of_pool = |line: &&str| line.split_whitespace().nth(3).is_some_and(|address| address.starts_with(POOL_PREFIX));
    listing.lines().filter(of_pool).filter_map(|line| line.split_whitespace().nth(1)).collect()
}

fn ip() -> Result<Command> {
    Ok(Command::new(program::require("ip", "install the package iproute2")?))
}

#[cfg(test)]
mod tests {
    use super::bridges;

    #[test]
    fn takes_only_bridges_of_the_pool() {
        let listing = "1: lo    inet 127.0.0.1/8 scope host lo\n4: docker0    inet 172.17.0.1/16 scope global\n5: homeport-test    inet 10.231.0.1/24 scope global\n7: br-0a1b    inet 10.231.3.1/24 scope global\n";
        assert_eq!(bridges(listing), ["homeport-test", "br-0a1b"]);
    }
}
