//! Requests to a plugin, through Homeport and beside it through nginx and haproxy.

use anyhow::Context as _;

use super::{
    Bench, PROXY_CORE,
    load::{self, CONNECTIONS, Load, Pace},
    peers,
};
use crate::figures::{range, row};

/// Times that each proxy is measured, in turns: many short ones, as the machine is not the same from one second to the next.
const ROUNDS: usize = 15;

pub(super) fn measure(Bench { directory, socket, stack }: &Bench) -> anyhow::Result<()> {
    let nginx = peers::nginx(directory, socket, PROXY_CORE, "")?;
    let telling = peers::nginx(directory, socket, PROXY_CORE, peers::SAME_HEADS)?;
    let haproxy = peers::haproxy(directory, socket, PROXY_CORE)?;
    let gateway = stack.process_id("gateway").context("the gateway does not run")?;
    let contenders = [
        ("nginx", format!("http://127.0.0.1:{}", nginx.port), nginx.worker()?),
        ("haproxy", format!("http://127.0.0.1:{}", haproxy.port), haproxy.worker()?),
        ("nginx with Homeport's headers", format!("http://127.0.0.1:{}", telling.port), telling.worker()?),
        ("Homeport", stack.url(), gateway),
    ];
    let path = |url: &str| format!("{url}/plugins/bench/x");
    let (_, url, process) = &contenders[0];
    let pace = Pace::of(load::full(&path(url), &stack.token(), *process)?);
    let mut measured: [Vec<Load>; 4] = Default::default();
    let mut paced: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for ((loads, times), (_, url, process)) in measured.iter_mut().zip(&mut paced).zip(&contenders) {
            let url = path(url);
            loads.push(load::full(&url, &stack.token(), *process)?);
            times.push(load::paced(&url, &stack.token(), pace, directory)?);
        }
    }
    let names = contenders.map(|(name, ..)| name);
    show(&names, &measured);
    show_paced(&names, pace, &paced);
    Ok(())
}

fn show(names: &[&str; 4], measured: &[Vec<Load>; 4]) {
    let of = |loads: &[Load], value: fn(&Load) -> f64| loads.iter().map(value).collect::<Vec<f64>>();
    for (name, loads) in names.iter().zip(measured) {
        let rate = range(&of(loads, |load| load.requests), 0, "/s");
        row(&format!("requests through a plugin's path, {CONNECTIONS} connections, 1 KiB, {name}"), &rate, "–");
    }
    for (name, loads) in names.iter().zip(measured) {
        let text = range(&of(loads, |load| load.cpu_us), 1, " µs");
        row(&format!("processor time of each of these, {name}"), &text, "–");
    }
    for (name, loads) in names.iter().zip(measured) {
        row(&format!("p99 of these, {name}"), &range(&of(loads, |load| load.p99_ms), 2, " ms"), "–");
    }
    let [nginx, _, telling, homeport] = measured;
    let beside = |peer: &[Load], value: fn(&Load) -> f64| ratio(&of(homeport, value), &of(peer, value));
    row("Homeport's rate beside nginx's of the same seconds", &beside(nginx, |load| load.requests), "1");
    // The load has one core for itself and the plugin, and is the slower one with longer heads.
    row("the same beside nginx with Homeport's headers", &beside(telling, |load| load.requests), "1");
    row("what a core's whole second would serve, beside nginx's", &beside(nginx, |load| load.cpu_us.recip()), "1");
    row("Homeport's p99 beside nginx's of the same seconds", &beside(nginx, |load| load.p99_ms), "–");
    row("the same beside nginx with Homeport's headers", &beside(telling, |load| load.p99_ms), "–");
}

fn show_paced(names: &[&str; 4], pace: Pace, paced: &[Vec<f64>; 4]) {
    for (name, times) in names.iter().zip(paced) {
        let text = range(times, 3, " ms");
        row(&format!("p99 of {} requests/s, {CONNECTIONS} connections, {name}", pace.together()), &text, "–");
    }
    let [nginx, _, telling, homeport] = paced;
    row("Homeport's beside nginx's of the same seconds", &ratio(homeport, nginx), "1.1 times");
    row("the same beside nginx with Homeport's headers", &ratio(homeport, telling), "1.1 times");
}

/// Our figures beside those of the same rounds.
fn ratio(ours: &[f64], theirs: &[f64]) -> String {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    range(&ratios, 2, " times")
}
