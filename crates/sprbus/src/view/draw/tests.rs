use homeport_bus_client::Event;
use jiff::Timestamp;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

use super::{super::state::View, all};

/// A view on a screen of 60 by 8.
struct Screen {
    view: View,
    terminal: Terminal<TestBackend>,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_784_800_000).unwrap()
}

impl Screen {
    fn new() -> Self {
        let terminal = Terminal::new(TestBackend::new(60, 8)).unwrap();
        Self { view: View::new("bus".to_owned()), terminal }
    }

    fn events(mut self, events: &[(&str, &str)]) -> Self {
        for (topic, value) in events {
            self.event(topic, value);
        }
        self
    }

    fn event(&mut self, topic: &str, value: &str) {
        self.view.add(Event { topic: topic.to_owned(), value: value.to_owned() }, None, now());
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.key(match key {
                '\n' => KeyCode::Enter,
                '^' => KeyCode::Esc,
                'v' => KeyCode::Down,
                letter => KeyCode::Char(letter),
            });
        }
    }

    fn key(&mut self, code: KeyCode) {
        self.view.key(KeyEvent::new(code, KeyModifiers::NONE));
    }

    /// The lines of the screen, without the time of day.
    fn lines(&mut self) -> Vec<String> {
        self.terminal.draw(|frame| all(frame, &mut self.view, now())).unwrap();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let rows = buffer.content.chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect());
        rows.map(|row: String| row.trim_end().to_owned()).collect()
    }

    /// The list, each event without its time.
    fn list(&mut self) -> Vec<String> {
        let lines = self.lines();
        let body = lines[1..lines.len() - 1].iter().filter(|line| !line.is_empty());
        body.map(|line| line.split_once(' ').map_or("", |(_, event)| event).to_owned()).collect()
    }
}

#[test]
fn the_newest_event_is_on_top() {
    let mut screen = Screen::new().events(&[("a:b", r#"{"k":1}"#), ("c", "text")]);
    let lines = screen.lines();
    assert_eq!(lines[0], "sprbus bus  2 events, 0.2/s");
    assert_eq!(screen.list(), ["c text", "a:b [1]"]);
    assert_eq!(lines[7], "q quit  / filter  p pause  enter details  t topics");
    assert!(Screen::new().lines()[1].starts_with("No events yet."));
}

#[test]
fn the_filter_acts_while_it_is_typed() {
    let mut screen =
        Screen::new().events(&[("update:progress", "{}"), ("docker:start", "{}"), ("auth:success", "pqt")]);
    screen.press("/do");
    assert_eq!(screen.list(), ["docker:start []"]);
    assert!(screen.lines()[0].ends_with("filter: do"));
    screen.press("x");
    assert!(screen.lines()[1].starts_with("No event passes"));
    screen.key(KeyCode::Backspace);
    screen.press("\n");
    assert_eq!(screen.list(), ["docker:start []"], "it stays after enter");
    screen.press("^/pqt");
    assert_eq!(screen.list(), ["auth:success pqt"], "values count, and letters are no commands");
    screen.press("^");
    assert_eq!(screen.list().len(), 3);
    assert!(!screen.view.is_over());
}

#[test]
fn a_pause_keeps_the_list_and_what_comes() {
    let mut screen = Screen::new().events(&[("a", "1")]);
    screen.press("p");
    screen.event("b", "2");
    assert_eq!(screen.list(), ["a 1"]);
    assert!(screen.lines()[0].contains("paused, 1 waiting"));
    screen.press("p");
    assert_eq!(screen.list(), ["b 2", "a 1"]);
}

#[test]
fn the_mark_stays_on_its_event() {
    let mut screen = Screen::new().events(&[("a", "1"), ("b", "2")]);
    screen.press("v");
    screen.event("c", "3");
    assert_eq!(screen.view.marked().unwrap().event.topic, "a");
    screen.press("\n");
    let lines = screen.lines();
    assert!(lines[1].contains(" a  2026-07-23T09:46:40Z "), "{lines:?}");
    assert!(lines[2].contains('1'));
    screen.press("q");
    screen.key(KeyCode::Home);
    screen.event("d", "4");
    assert_eq!(screen.view.marked().unwrap().event.topic, "d", "on top the newest is marked");
}

#[test]
fn a_list_longer_than_the_screen_follows_the_mark() {
    let mut screen = Screen::new();
    for number in 0..20 {
        screen.event("a", &number.to_string());
    }
    assert_eq!(screen.list().first().map(String::as_str), Some("a 19"));
    screen.key(KeyCode::PageDown);
    assert_eq!(screen.list().last().map(String::as_str), Some("a 13"));
    screen.key(KeyCode::End);
    assert_eq!(screen.list(), ["a 5", "a 4", "a 3", "a 2", "a 1", "a 0"]);
}

#[test]
fn a_detail_is_the_whole_event() {
    let mut screen = Screen::new().events(&[("a", r#"{"key":{"inner":[1]}}"#)]);
    screen.press("\n");
    let lines = screen.lines().join("\n");
    assert!(lines.contains("\"key\": {") && lines.contains("\"inner\": ["), "{lines}");
    assert!(lines.contains("q back"));
    screen.press("v");
    assert!(!screen.lines()[2].contains('{') || screen.lines()[2].contains("key"), "it scrolls");
    screen.press("q");
    assert_eq!(screen.list().len(), 1);
}

#[test]
fn without_events_there_is_no_detail() {
    let mut screen = Screen::new();
    screen.press("\n");
    assert!(screen.lines()[1].starts_with("No events yet."));
}

#[test]
fn topics_are_a_table_with_rates() {
    let mut screen = Screen::new().events(&[("b", "1"), ("a", "1"), ("b", "1")]);
    screen.press("t");
    let lines = screen.lines();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&lines[1]), ["topic", "events", "per", "second"]);
    assert_eq!((words(&lines[2]), words(&lines[3])), (words("b 2 0.2"), words("a 1 0.1")));
    screen.press("t");
    assert_eq!(screen.list().len(), 3);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mut screen = Screen::new().events(&[("a\x1b[2J", "b\x1b]0;x\x07")]);
    for key in ["", "\n", "qt"] {
        screen.press(key);
        assert!(!screen.lines().join("").contains(char::is_control));
    }
}

#[test]
fn q_ends_it_and_so_does_ctrl_c() {
    let mut screen = Screen::new();
    screen.press("q");
    assert!(screen.view.is_over());
    let mut screen = Screen::new();
    screen.press("/q");
    assert!(!screen.view.is_over());
    screen.view.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(screen.view.is_over());
}

#[test]
fn what_happens_to_the_bus_is_said_below() {
    let mut screen = Screen::new();
    screen.view.say("the bus is away".to_owned());
    assert!(screen.lines()[7].starts_with("the bus is away  |  q quit"));
}
