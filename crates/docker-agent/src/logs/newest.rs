//! The newest lines of Homeport's own containers, in one list.

use std::collections::VecDeque;

use futures::{StreamExt as _, pin_mut};
use jiff::Timestamp;

use super::{Wanted, demux::Piece};
use crate::{
    container::Containers,
    engine::Engine,
    error::EngineError,
    own::{Part, parts},
};

/// Bytes of text in an answer; what is older is left out.
const BYTES_MAX: usize = 2 << 20;
/// Lines in an answer.
pub(crate) const LINES_MAX: u32 = 2000;

/// A line that one of them printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) part: Part,
    pub(crate) is_error: bool,
    pub(crate) text: String,
}

/// The newest lines of all of them, newest first.
pub(crate) async fn newest(engine: &Engine, containers: &Containers, lines: u32) -> Result<Vec<Line>, EngineError> {
    let lines = lines.min(LINES_MAX);
    let mut all = Vec::new();
    for part in parts(containers).await? {
        match of_part(engine, containers, &part, lines).await {
            Ok(found) => all.extend(found),
            // It may have been removed since, or log to where nobody can read.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(merge(all, usize::try_from(lines).unwrap_or(usize::MAX)))
}

async fn of_part(
    engine: &Engine,
    containers: &Containers,
    part: &Part,
    lines: u32,
) -> Result<VecDeque<Line>, EngineError> {
    let wanted = Wanted { container: part.id.clone(), tail: Some(lines), timestamps: true, ..Wanted::default() };
    let pieces = wanted.open_pieces(engine, containers).await?;
    pin_mut!(pieces);
    let (mut output, mut error, mut found) = (Cutter::default(), Cutter::default(), Found::default());
    while let Some(piece) = pieces.next().await {
        let Piece { is_error, bytes } = piece?;
        let cutter = if is_error { &mut error } else { &mut output };
        cutter.cut(&bytes, |line| found.add(part, is_error, line));
    }
    output.rest(|line| found.add(part, false, line));
    error.rest(|line| found.add(part, true, line));
    Ok(found.lines)
}

/// Newest first, as many as are wanted and fit.
fn merge(mut lines: Vec<Line>, most: usize) -> Vec<Line> {
    // Stable: those of one moment stay in the order in which they came.
    lines.reverse();
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(most);
    let mut bytes = 0;
    let fitting = lines.iter().take_while(|line| {
        bytes += line.text.len();
        bytes <= BYTES_MAX
    });
    let fitting = fitting.count();
    lines.truncate(fitting);
    lines
}

/// What was found of one of them; the oldest lines make room.
#[derive(Default)]
struct Found {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Found {
    /// A line begins with its time. One that does not is the rest of a long one, which nobody misses.
    fn add(&mut self, part: &Part, is_error: bool, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let Some((time, text)) = line.split_once(' ') else { return };
        let Ok(at) = time.parse() else { return };
        let text = text.trim_end_matches('\r').to_owned();
        self.bytes += text.len();
        self.lines.push_back(Line { at, part: part.clone(), is_error, text });
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.text.len();
        }
    }
}

/// Cuts one output into lines.
#[derive(Default)]
struct Cutter(Vec<u8>);

impl Cutter {
    fn cut(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            // A line without an end must not grow for ever.
            let room = BYTES_MAX.saturating_sub(self.0.len());
            self.0.extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                each(&self.0);
                self.0.clear();
            }
        }
    }

    fn rest(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.0.is_empty() {
            each(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str) -> Part {
        Part { id: name.to_owned(), name: name.to_owned(), image: "homeport".to_owned() }
    }

    fn found(name: &str, chunks: &[&[u8]]) -> VecDeque<Line> {
        let (mut cutter, mut found) = (Cutter::default(), Found::default());
        for chunk in chunks {
            cutter.cut(chunk, |line| found.add(&part(name), false, line));
        }
        cutter.rest(|line| found.add(&part(name), false, line));
        found.lines
    }

    #[test]
    fn lines_are_put_together_however_they_were_cut() {
        let lines = found(
            "a",
            &[
                b"2026-01-01T00:00:00Z one\n2026-01-01T00:",
                b"00:01Z two words\r\nno time\n",
                b"2026-01-01T00:00:02Z three",
            ],
        );
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two words", "three"]);
    }

    #[test]
    fn the_newest_of_all_come_first() {
        let a = found("a", &[b"2026-01-01T00:00:00Z a0\n2026-01-01T00:00:02Z a2\n2026-01-01T00:00:02Z a3\n"]);
        let b = found("b", &[b"2026-01-01T00:00:01Z b1\n"]);
        let all: Vec<_> = a.into_iter().chain(b).collect();
        let texts = |lines: Vec<Line>| lines.into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(texts(merge(all.clone(), 10)), ["a3", "a2", "b1", "a0"]);
        assert_eq!(texts(merge(all, 2)), ["a3", "a2"]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let line = format!("2026-01-01T00:00:00Z {}\n", "x".repeat(1 << 20));
        let lines = found("a", &[line.as_bytes(), line.as_bytes(), line.as_bytes()]);
        assert_eq!(lines.len(), 2);
        let endless = vec![b'x'; BYTES_MAX + 10];
        let mut cutter = Cutter::default();
        cutter.cut(&endless, |_| panic!("there is no line"));
        assert_eq!(cutter.0.len(), BYTES_MAX);
    }
}
