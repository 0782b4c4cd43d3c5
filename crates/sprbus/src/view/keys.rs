//! Keys: from the terminal, and what they mean.

use std::time::Duration;

use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::{
    Inputs,
    page::Page,
    state::{Move, View},
};

/// Keys that wait for the view; a person types no faster.
const QUEUE: usize = 64;
/// How soon the reader notices that nobody wants its keys any more.
const POLL: Duration = Duration::from_millis(100);

/// Reads the terminal until the view ends.
pub(super) fn read() -> Inputs {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        while !sender.is_closed() {
            let input = match event::poll(POLL) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            // Neither without a terminal nor without a view is there anything left to do.
            if !input.is_ok_and(|input| sender.blocking_send(input).is_ok()) {
                return;
            }
        }
    });
    receiver
}

impl View {
    /// Does what a key stands for.
    pub(super) fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            if key.code == KeyCode::Char('c') {
                self.quit();
            }
        } else if self.is_typing() {
            self.typed(key.code);
        } else {
            self.command(key.code);
        }
    }

    fn typed(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char(letter) => self.edit_filter(|filter| filter.push(letter)),
            KeyCode::Backspace => self.edit_filter(|filter| {
                filter.pop();
            }),
            KeyCode::Esc => {
                self.edit_filter(String::clear);
                self.type_filter(false);
            }
            KeyCode::Enter => self.type_filter(false),
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => self.command(key),
            _ => {}
        }
    }

    fn command(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char('q') | KeyCode::Esc if self.page() != Page::Events => self.turn_to(Page::Events),
            KeyCode::Char('q') => self.quit(),
            KeyCode::Esc => self.edit_filter(String::clear),
            KeyCode::Char('/') => self.type_filter(true),
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('t') => self.turn_to(if self.page() == Page::Topics { Page::Events } else { Page::Topics }),
            KeyCode::Enter if self.page() == Page::Events => self.turn_to(Page::Detail),
            KeyCode::Up | KeyCode::Char('k') => self.go(Move::Up(1)),
            KeyCode::Down | KeyCode::Char('j') => self.go(Move::Down(1)),
            KeyCode::PageUp => self.go(Move::Up(self.height())),
            KeyCode::PageDown => self.go(Move::Down(self.height())),
            KeyCode::Home | KeyCode::Char('g') => self.go(Move::First),
            KeyCode::End | KeyCode::Char('G') => self.go(Move::Last),
            _ => {}
        }
    }
}
