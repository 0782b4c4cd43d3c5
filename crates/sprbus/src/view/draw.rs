//! The pictures.

use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Paragraph, Row, Table, Wrap},
};
use serde_json::Value;

use super::{page::Page, state::View};
use crate::format;

/// Letters of an event that a line or a page shows at most; nobody reads more.
const LINE_LETTERS: usize = 1 << 10;
const PAGE_LETTERS: usize = 64 << 10;

const TOPIC: Style = Style::new().fg(Color::Green);
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
const MARKED: Style = Style::new().add_modifier(Modifier::REVERSED);
const HEADING: Style = Style::new().add_modifier(Modifier::BOLD);

/// The whole screen.
pub(super) fn all(frame: &mut Frame<'_>, view: &mut View, now: Timestamp) {
    let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]);
    let [head, body, foot] = rows.areas(frame.area());
    frame.render_widget(title(view, now), head);
    match view.page() {
        Page::Events => events(frame, view, body),
        Page::Detail => detail(frame, view, body),
        Page::Topics => topics(frame, view, now, body),
    }
    frame.render_widget(help(view), foot);
}

fn title(view: &mut View, now: Timestamp) -> Line<'static> {
    // Nothing sums up to minus nothing.
    let rate = view.topics.values_mut().map(|topic| topic.rate.per_second(now)).fold(0.0, |sum, rate| sum + rate);
    let mut parts = vec![
        Span::styled(format!("sprbus {}", view.source), HEADING),
        Span::raw(format!("  {} events, {rate:.1}/s", view.total)),
    ];
    if view.paused {
        parts.push(Span::styled(format!("  paused, {} waiting", view.waiting()), MARKED));
    }
    if !view.filter.is_empty() || view.is_typing() {
        parts.push(Span::raw(format!("  filter: {}", view.filter)));
    }
    Line::from(parts)
}

fn help(view: &View) -> Line<'static> {
    let keys = match view.page() {
        _ if view.is_typing() => "type a part of a topic or value, enter keeps it, esc clears it",
        Page::Events => "q quit  / filter  p pause  enter details  t topics",
        Page::Detail | Page::Topics => "q back  up/down scroll",
    };
    match &view.message {
        Some(message) => Line::from(format!("{message}  |  {keys}")),
        None => Line::styled(keys, FAINT),
    }
}

fn events(frame: &mut Frame<'_>, view: &mut View, area: Rect) {
    view.height = usize::from(area.height).max(1);
    let position = view.position();
    // The marked line stays within the screen, as near to its end as it has to be.
    let first = (position + 1).saturating_sub(view.height);
    let lines: Vec<_> = view
        .listed()
        .enumerate()
        .skip(first)
        .take(view.height)
        .map(|(index, seen)| {
            let said: String = format::description(&seen.event).chars().take(LINE_LETTERS).collect();
            let line = Line::from(vec![
                Span::styled(format!("{} ", time(seen.time)), FAINT),
                Span::styled(seen.event.topic.clone(), TOPIC),
                Span::raw(format!(" {said}")),
            ]);
            if index == position { line.style(MARKED) } else { line }
        })
        .collect();
    let nothing = if view.filter.is_empty() { "No events yet." } else { "No event passes the filter." };
    let picture = if lines.is_empty() { Paragraph::new(nothing) } else { Paragraph::new(lines) };
    frame.render_widget(picture, area);
}

fn detail(frame: &mut Frame<'_>, view: &mut View, area: Rect) {
    let Some(seen) = view.marked() else { return };
    let value: String = pretty(&seen.event.value).chars().take(PAGE_LETTERS).collect();
    let title = format!(" {}  {} ", seen.event.topic, seen.time);
    let picture = Paragraph::new(value).wrap(Wrap { trim: false }).block(Block::bordered().title(title));
    view.scrolled = view.scrolled.min(usize::from(u16::MAX));
    let scrolled = u16::try_from(view.scrolled).unwrap_or(u16::MAX);
    frame.render_widget(picture.scroll((scrolled, 0)), area);
}

fn topics(frame: &mut Frame<'_>, view: &mut View, now: Timestamp, area: Rect) {
    let mut topics: Vec<_> = view
        .topics
        .iter_mut()
        .filter(|(name, _)| name.contains(&view.filter))
        .map(|(name, topic)| (name.clone(), topic.events, topic.rate.per_second(now)))
        .collect();
    // The busiest first; of equals the alphabet decides, so that lines do not jump.
    topics.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    view.scrolled = view.scrolled.min(topics.len().saturating_sub(1));
    let rows = topics.into_iter().skip(view.scrolled).take(area.height.into()).map(|(name, events, rate)| {
        Row::new([Line::styled(name, TOPIC), Line::from(events.to_string()), Line::from(format!("{rate:.1}"))])
    });
    let widths = [Constraint::Fill(1), Constraint::Length(12), Constraint::Length(10)];
    let table = Table::new(rows, widths).header(Row::new(["topic", "events", "per second"]).style(HEADING));
    frame.render_widget(table, area);
}

fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

fn pretty(value: &str) -> String {
    let parsed = serde_json::from_str::<Value>(value).ok();
    parsed.and_then(|parsed| serde_json::to_string_pretty(&parsed).ok()).unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests;
