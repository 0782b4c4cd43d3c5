//! Networks: that it is in the same ones, and what was asked for in each. Addresses that the engine chose may change.

use serde_json::{Value, json};

use super::{Differences, entry, keys};
use crate::{
    container::endpoint::{aliases, fixed_mac},
    document::Document as _,
};

pub(super) fn compare(before: &Value, after: &Value, differences: &mut Differences) {
    let networks = |container: &Value| container.at("NetworkSettings.Networks").clone();
    let (old, new) = (networks(before), networks(after));
    for name in keys(&old, &new) {
        let field = format!("NetworkSettings.Networks.{name}");
        match (old.get(&name), new.get(&name)) {
            (Some(old), Some(new)) => endpoint(&field, &name, (before, old), (after, new), differences),
            (old, new) => differences.check(field, &presence(old), &presence(new)),
        }
    }
}

fn endpoint(
    field: &str,
    network: &str,
    (before, old): (&Value, &Value),
    (after, new): (&Value, &Value),
    differences: &mut Differences,
) {
    for key in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
        differences.check_deeply(&format!("{field}.{key}"), entry(old, key), entry(new, key));
    }
    if network != "bridge" {
        let sorted = |container, endpoint| {
            let mut aliases = aliases(container, endpoint);
            aliases.sort();
            aliases.dedup();
            json!(aliases)
        };
        differences.check(format!("{field}.Aliases"), &sorted(before, old), &sorted(after, new));
    }
    // Of the new one, any address counts: whether it was asked for cannot always be seen.
    if let Some(mac) = fixed_mac(before, network)
        && ![fixed_mac(after, network).unwrap_or_default(), new.text("MacAddress").to_lowercase()].contains(&mac)
    {
        differences.check(format!("{field}.MacAddress"), &json!(mac), new.at("MacAddress"));
    }
}

fn presence(endpoint: Option<&Value>) -> Value {
    endpoint.map_or(Value::Null, |endpoint| {
        json!({ "IPAMConfig": endpoint.at("IPAMConfig"), "Aliases": endpoint.at("Aliases"), "attached": true })
    })
}
