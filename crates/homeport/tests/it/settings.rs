//! The settings file that ships.

use homeport_bus::Config;
use homeport_service::config::{Environment, load};

const SAMPLE: &str = include_str!("../../../../configs/bus.toml");

fn read(text: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bus.toml"), text).unwrap();
    load("bus", directory.path(), &Environment::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A line with the setting that it shows, if it shows one.
fn shown(line: &str) -> &str {
    let setting = line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
    setting.unwrap_or(line)
}

#[test]
fn the_sample_of_the_bus_shows_every_setting_with_its_default() {
    let default = format!("{:#?}", Config::default());
    assert_eq!(format!("{:#?}", read(SAMPLE)), default, "as it ships it changes nothing");
    let text: String = SAMPLE.lines().map(|line| shown(line).to_owned() + "\n").collect();
    let mut config = read(&text);
    for name in default.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name) {
        let is_there = [format!("\n{name} = "), format!("\n[{name}]"), format!("\n[[{name}]]")];
        assert!(is_there.iter().any(|way| text.contains(way)), "{name} is not shown");
    }
    // What has no default is an example.
    let client = std::mem::take(&mut config.client).pop().unwrap();
    assert!(client.socket.ends_with("eventbus.sock") && !client.publish.is_empty() && !client.subscribe.is_empty());
    assert!(config.socket.gid.take().is_some());
    assert_eq!(format!("{config:#?}"), default);
}
