//! How far the work is: bars on a terminal, a line for each stage elsewhere, nothing for scripts.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Started, api, output};

/// How far the work is.
pub(super) enum Display {
    /// A bar for each operation.
    Bars { all: MultiProgress, bars: HashMap<String, ProgressBar> },
    /// Name and last stage of each operation.
    Lines(HashMap<String, (String, String)>),
    /// Nobody looks.
    Silent(Vec<String>),
}

impl Display {
    pub(super) fn new(json: bool, started: &[Started]) -> Self {
        if io::stderr().is_terminal() {
            return Self::bars(started);
        }
        let ids = started.iter().map(|work| work.operation_id.clone());
        if json {
            return Self::Silent(ids.collect());
        }
        let names = started.iter().map(|work| (work.name.clone(), String::new()));
        Self::Lines(ids.zip(names).collect())
    }

    fn bars(started: &[Started]) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix}  [{bar:30}] {percent:>3} %  {wide_msg}")
            .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "));
        let bars = started.iter().map(|work| {
            let bar = all.add(ProgressBar::new(100).with_style(style.clone()).with_prefix(work.name.clone()));
            bar.set_message("waiting");
            (work.operation_id.clone(), bar)
        });
        Self::Bars { bars: bars.collect(), all }
    }

    /// Takes in what an event says. True: it says that the operation is over.
    pub(super) fn event(&mut self, event: &api::Event) -> bool {
        let text = |key: &str| event.payload[key].as_str().unwrap_or_default();
        let id = text("operation_id");
        if event.r#type != "update.progress" || !self.knows(id) {
            return false;
        }
        let stage = text("stage");
        let percent = event.payload["progress"].as_u64().unwrap_or_default();
        self.stage(id, stage, percent, text("message"));
        matches!(stage, "complete" | "failed")
    }

    /// Shows how far an operation is.
    pub(super) fn stage(&mut self, id: &str, stage: &str, percent: u64, message: &str) {
        let said = if message.is_empty() { words(stage) } else { message.to_owned() };
        match self {
            Self::Bars { bars, .. } => {
                if let Some(bar) = bars.get(id) {
                    // What is undone is no progress, but a bar that runs back looks like a mistake.
                    bar.set_position(percent.min(100).max(bar.position()));
                    bar.set_message(said);
                }
            }
            Self::Lines(last) => {
                // How it ended is in the report.
                let is_news = |last: &str| !matches!(stage, "" | "complete" | "failed") && last != stage;
                if let Some((name, last)) = last.get_mut(id).filter(|(_, last)| is_news(last)) {
                    stage.clone_into(last);
                    output::note(&format!("{name}: {}", words(stage)));
                }
            }
            Self::Silent(_) => {}
        }
    }

    /// Takes an operation that is over off the display.
    pub(super) fn over(&self, id: &str) {
        if let Self::Bars { bars, .. } = self
            && let Some(bar) = bars.get(id)
        {
            bar.finish_and_clear();
        }
    }

    /// Leaves the terminal to the report.
    pub(super) fn finish(&self) {
        if let Self::Bars { all, .. } = self {
            // Only the display is lost if the terminal is gone.
            drop(all.clear());
        }
    }

    fn knows(&self, id: &str) -> bool {
        match self {
            Self::Bars { bars, .. } => bars.contains_key(id),
            Self::Lines(last) => last.contains_key(id),
            Self::Silent(ids) => ids.iter().any(|known| known == id),
        }
    }
}

fn words(stage: &str) -> String {
    stage.replace('_', " ")
}
