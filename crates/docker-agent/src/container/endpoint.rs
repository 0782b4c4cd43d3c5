//! What a person chose about a container's place in a network, as against what the engine chose.

use serde_json::Value;

use crate::document::{Document as _, short_id};

/// Networks that take no settings: there is nothing to attach to.
pub(super) fn is_attachable(network: &str) -> bool {
    !matches!(network, "host" | "none")
}

/// The network that the container was created with, as the key in its list of networks.
pub(super) fn primary(container: &Value) -> Option<&str> {
    let mode = container.text("HostConfig.NetworkMode");
    let mode = if matches!(mode, "" | "default") { "bridge" } else { mode };
    container
        .fields("NetworkSettings.Networks")
        .find(|(name, endpoint)| *name == mode || (mode.len() >= 12 && endpoint.text("NetworkID").starts_with(mode)))
        .map(|(name, _)| name.as_str())
}

/// Aliases without the container's own short id and host name, which engines before 25 add by themselves at its start. Later
/// ones answer to both as well, and show them elsewhere.
pub(super) fn aliases(container: &Value, endpoint: &Value) -> Vec<String> {
    let own = [short_id(container.text("Id")), container.text("Config.Hostname")];
    let mut aliases = endpoint.texts("Aliases");
    aliases.retain(|alias| !own.contains(&alias.as_str()));
    aliases
}

/// The MAC address that was asked for in a network, none if the engine chose it.
///
/// The documents of engines before 25 say so in `Config.MacAddress`. From 25 on, the network's entry shows the address in
/// use, whoever chose it: then one that engines make out of the IP address (`02:42` and its four bytes) is taken for the
/// engine's. Engines from 28 on choose at random behind `02:42`; such an address is kept, which harms nobody, but in a
/// container of compose it is taken for the engine's, since compose would not bring it back.
pub(super) fn fixed_mac(container: &Value, network: &str) -> Option<String> {
    let configured = container.text("Config.MacAddress");
    if !configured.is_empty() && primary(container) == Some(network) {
        return Some(configured.to_lowercase());
    }
    let endpoint = container.at("NetworkSettings.Networks").get(network)?;
    let mac = endpoint.text("MacAddress").to_lowercase();
    let of_compose = container.at("Config.Labels").get("com.docker.compose.project").is_some();
    let made_by_engine = mac.starts_with("02:42:") && (of_compose || made_from(endpoint.text("IPAddress")) == mac);
    (!mac.is_empty() && !made_by_engine).then_some(mac)
}

fn made_from(address: &str) -> String {
    address.parse::<std::net::Ipv4Addr>().map_or_else(
        |_| String::new(),
        |address| {
            let [a, b, c, d] = address.octets();
            format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
        },
    )
}
