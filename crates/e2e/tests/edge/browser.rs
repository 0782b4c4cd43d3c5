//! The page of the API in a real browser. At night: the browser is larger than everything else that the tests need.

mod chromium;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until_ok};
use serde_json::Value;

use self::chromium::Chromium;
use crate::World;

const PATIENCE: Duration = Duration::from_secs(20);
/// The operation that is tried: its card in the page.
const CARD: &str = "[...document.querySelectorAll('#operations details')].find((card) => \
                    card.querySelector('summary code')?.textContent === '/status' && card.querySelector('.method.get'))";

pub fn reads_and_tries_the_api(world: &World) -> Outcome {
    let mut browser = Chromium::start(&world.stack.directory().join("browser"))?;
    let url = world.stack.url();
    browser.open(&format!("{url}/docs"))?;
    // With its script: before that a form is sent as forms are.
    wait(&mut browser, "document.readyState === 'complete' && document.title.includes('Homeport')")?;
    ensure!(
        browser.evaluate("document.querySelectorAll('#operations details').length")? == 0,
        "routes without a token"
    );

    let token = world.stack.token();
    let sign_in = format!(
        "document.getElementById('password').value = {token:?}; document.getElementById('sign-in').requestSubmit()"
    );
    browser.evaluate(&sign_in)?;
    let (_, document) = world.get("/openapi.json")?;
    let items = document["paths"].as_object().context("no paths")?.values().filter_map(Value::as_object);
    let methods = ["get", "post", "put", "patch", "delete", "head", "options"];
    let routes = items.flat_map(|item| item.keys()).filter(|key| methods.contains(&key.as_str())).count();
    ensure!(routes > 150, "the document has {routes} routes");
    wait(&mut browser, &format!("document.querySelectorAll('#operations section > details').length === {routes}"))?;

    browser.evaluate(&format!("{CARD}.open = true"))?;
    wait(&mut browser, &format!("{CARD}.querySelector('form button') !== null"))?;
    browser.evaluate(&format!("{CARD}.querySelector('form button').click()"))?;
    wait(&mut browser, &format!("{CARD}.querySelector('[aria-live] .open')?.textContent.trim().startsWith('200')"))?;
    let (_, status) = world.get("/status")?;
    let shown = browser.evaluate(&format!("{CARD}.querySelector('[aria-live] pre').textContent"))?;
    let shown: Value = shown.as_str().map(|text| serde_json::from_str(text).unwrap_or(text.into())).unwrap_or_default();
    ensure!(shown == status, "the page shows {shown} and not {status}");
    // What the page needs, its policy lets it have, and nothing comes from elsewhere.
    let complaints = browser.complaints();
    ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
    let elsewhere: Vec<_> = browser.requests().into_iter().filter(|request| !request.starts_with(&url)).collect();
    ensure!(elsewhere.is_empty(), "the page asks {elsewhere:?}");

    // The policy is on: what somebody smuggles into the page is no program.
    let smuggle = "(() => { const script = document.createElement('script'); script.textContent = 'window.smuggled = 1'; \
                   document.body.append(script); return window.smuggled === undefined; })()";
    ensure!(browser.evaluate(smuggle)? == true, "a script in the page runs");
    ensure!(browser.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')")? == "refused");
    ensure!(browser.complaints().iter().any(|words| words.contains("Content Security Policy")), "no policy is named");
    Ok(())
}

fn wait(browser: &mut Chromium, condition: &str) -> Outcome {
    until_ok(condition, PATIENCE, || {
        ensure!(browser.evaluate(condition)? == true, "the page is {}", browser.evaluate("document.body.innerText")?);
        Ok(())
    })
}
