//! The full-screen view: events as they come, newest first.

mod draw;
mod keys;
mod page;
mod rate;
mod state;

use std::time::Duration;

use futures::StreamExt as _;
use homeport_service::clock::{Clock as _, SystemClock};
use ratatui::{DefaultTerminal, crossterm::event::Event as Input};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use crate::{
    arguments::Arguments,
    log::{self, Log},
    selection::Selection,
    source::{Notice, Reporter, Source},
};
use state::View;

/// Time between two pictures: quick enough for the eye, and no work to speak of when thousands of events come.
const FRAME: Duration = Duration::from_millis(100);

/// Shows events until the person has seen enough.
pub(crate) async fn run(source: &Source, arguments: &Arguments) -> anyhow::Result<()> {
    let log = Log::open(arguments.log.as_deref())?;
    let mut view = View::new(source.name());
    for event in arguments.file.as_deref().map(log::read).transpose()?.unwrap_or_default() {
        view.add(event, None, SystemClock.now());
    }
    let terminal = ratatui::try_init()?;
    let shown = show(terminal, source, Selection::new(arguments), log, view).await;
    // Also after an error: the shell needs its terminal back.
    ratatui::restore();
    shown
}

async fn show(
    mut terminal: DefaultTerminal,
    source: &Source,
    selection: Selection,
    mut log: Log,
    mut view: View,
) -> anyhow::Result<()> {
    let mut reporter = Reporter::new(source, true);
    let mut notices = source.notices(&selection);
    let mut inputs = keys::read();
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !view.is_over() {
        tokio::select! {
            _ = frames.tick() => draw(&mut terminal, &mut view)?,
            input = inputs.recv() => match input {
                Some(Input::Key(key)) => {
                    view.key(key);
                    draw(&mut terminal, &mut view)?;
                }
                Some(_) => {}
                // The terminal is gone.
                None => return Ok(()),
            },
            notice = notices.next() => match notice.transpose()? {
                Some(Notice::Event(event, time)) if selection.shows(&event.topic) => {
                    log.write(&event)?;
                    view.add(event, time, SystemClock.now());
                }
                Some(notice) => {
                    if let Some(text) = reporter.text(&notice)? {
                        view.say(text);
                    }
                }
                None => return Ok(()),
            },
        }
    }
    Ok(())
}

fn draw(terminal: &mut DefaultTerminal, view: &mut View) -> anyhow::Result<()> {
    terminal.draw(|frame| draw::all(frame, view, SystemClock.now()))?;
    Ok(())
}

/// What a person does at the terminal.
type Inputs = mpsc::Receiver<Input>;
