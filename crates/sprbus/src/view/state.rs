//! What the view knows: events, topics, and where the person looks.

use std::collections::{BTreeMap, VecDeque};

use homeport_bus_client::Event;
use jiff::Timestamp;

use super::{page::Page, rate::Rate};

/// Events that are kept at most; the oldest go first.
const EVENTS: usize = 10_000;
/// Bytes of topics and values that are kept at most.
const BYTES: usize = 64 << 20;
/// Topics in the table at most; what comes under others is counted together.
const TOPICS: usize = 1_000;
/// Their common name.
const OTHERS: &str = "(others)";

/// An event, and when it happened.
#[derive(Debug)]
pub(super) struct Seen {
    number: u64,
    pub(super) event: Event,
    pub(super) time: Timestamp,
}

impl Seen {
    fn size(&self) -> usize {
        self.event.topic.len() + self.event.value.len()
    }
}

/// Events in the order in which they came, within the bounds.
#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Seen>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, seen: Seen) {
        self.bytes += seen.size();
        self.events.push_back(seen);
        while self.events.len() > EVENTS || (self.bytes > BYTES && self.events.len() > 1) {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }
}

/// What is known of a topic.
#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) events: u64,
    pub(super) rate: Rate,
}

/// Where to go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl Move {
    fn from(self, position: usize, last: usize) -> usize {
        match self {
            Self::Up(lines) => position.saturating_sub(lines),
            Self::Down(lines) => position.saturating_add(lines).min(last),
            Self::First => 0,
            Self::Last => last,
        }
    }
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct View {
    pub(super) source: String,
    kept: Kept,
    /// What came during a pause.
    waiting: Kept,
    next_number: u64,
    pub(super) total: u64,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) filter: String,
    typing: bool,
    pub(super) paused: bool,
    page: Page,
    /// The event that is marked. Unset: the newest, whichever that is.
    marked: Option<u64>,
    /// Lines that are above the screen, in the detail and in the table.
    pub(super) scrolled: usize,
    /// The last thing that is to be said.
    pub(super) message: Option<String>,
    /// Lines of the list, as of the last picture.
    pub(super) height: usize,
    over: bool,
}

impl View {
    /// Nothing has happened yet.
    pub(super) fn new(source: String) -> Self {
        Self {
            source,
            kept: Kept::default(),
            waiting: Kept::default(),
            next_number: 0,
            total: 0,
            topics: BTreeMap::new(),
            filter: String::new(),
            typing: false,
            paused: false,
            page: Page::Events,
            marked: None,
            scrolled: 0,
            message: None,
            height: 1,
            over: false,
        }
    }

    /// An event came that happened at `time`, or now.
    pub(super) fn add(&mut self, event: Event, time: Option<Timestamp>, now: Timestamp) {
        self.total += 1;
        self.count(&event.topic, now);
        let seen = Seen { number: self.next_number, event, time: time.unwrap_or(now) };
        self.next_number += 1;
        if self.paused { self.waiting.push(seen) } else { self.kept.push(seen) }
    }

    fn count(&mut self, topic: &str, now: Timestamp) {
        let name = if self.topics.len() < TOPICS || self.topics.contains_key(topic) { topic } else { OTHERS };
        let topic = self.topics.entry(name.to_owned()).or_default();
        topic.events += 1;
        topic.rate.add(now);
    }

    /// Something is to be said.
    pub(super) fn say(&mut self, message: String) {
        self.message = Some(message);
    }

    /// The events that the filter lets through, newest first.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Seen> {
        let passes = |seen: &&Seen| seen.event.topic.contains(&self.filter) || seen.event.value.contains(&self.filter);
        self.kept.events.iter().rev().filter(passes)
    }

    /// How many events came during the pause and are kept.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.events.len()
    }

    /// The position of the marked event in the list. The newest, if it is not there any more.
    pub(super) fn position(&self) -> usize {
        let marked = self.marked.and_then(|number| self.listed().position(|seen| seen.number == number));
        marked.unwrap_or_default()
    }

    /// The marked event.
    pub(super) fn marked(&self) -> Option<&Seen> {
        self.listed().nth(self.position())
    }

    pub(super) fn go(&mut self, to: Move) {
        if self.page != Page::Events {
            // What is drawn knows how much there is.
            self.scrolled = to.from(self.scrolled, usize::from(u16::MAX));
            return;
        }
        let last = self.listed().count().saturating_sub(1);
        let position = to.from(self.position(), last);
        // At the top new events push the mark along.
        let number = self.listed().nth(position).filter(|_| position > 0).map(|seen| seen.number);
        self.marked = number;
    }

    pub(super) fn turn_to(&mut self, page: Page) {
        if page == Page::Detail {
            // It stays the same event while others come.
            self.marked = self.marked().map(|seen| seen.number);
        }
        if page != Page::Detail || self.marked.is_some() {
            self.page = page;
            self.scrolled = 0;
        }
    }

    pub(super) fn pause(&mut self) {
        self.paused = !self.paused;
        for seen in std::mem::take(&mut self.waiting).events {
            self.kept.push(seen);
        }
    }

    pub(super) fn edit_filter(&mut self, edit: impl FnOnce(&mut String)) {
        edit(&mut self.filter);
    }

    pub(super) const fn type_filter(&mut self, on: bool) {
        self.typing = on;
    }

    pub(super) const fn is_typing(&self) -> bool {
        self.typing
    }

    pub(super) const fn page(&self) -> Page {
        self.page
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    pub(super) const fn quit(&mut self) {
        self.over = true;
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }
}
