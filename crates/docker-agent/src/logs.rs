//! What containers printed.

mod demux;
mod newest;

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    container::Containers,
    document::Document as _,
    engine::{Engine, Streaming},
    error::EngineError,
};
use demux::{Demux, Piece};

pub(crate) use newest::{Line, newest};

/// A connection that has not sent headers by then is not going to.
const HEADER_LIMIT: Duration = Duration::from_secs(30);

/// Which part of the log is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) container: String,
    /// Lines from the end. None: all.
    pub(crate) tail: Option<u32>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    /// A time before each line.
    pub(crate) timestamps: bool,
    /// Goes on until the container ends.
    pub(crate) follow: bool,
}

impl Wanted {
    /// Opens the log. Both outputs come as they were printed, without the engine's frames.
    pub(crate) async fn open(
        self,
        engine: &Engine,
        containers: &Containers,
    ) -> Result<impl Stream<Item = Result<Bytes, EngineError>> + use<>, EngineError> {
        let pieces = self.open_pieces(engine, containers).await?;
        Ok(pieces.map(|piece| piece.map(|piece| piece.bytes)))
    }

    /// The same with which output each piece is of. All that is printed to a terminal is of the one.
    async fn open_pieces(
        self,
        engine: &Engine,
        containers: &Containers,
    ) -> Result<impl Stream<Item = Result<Piece, EngineError>> + use<>, EngineError> {
        let document = containers.document(&self.container).await?;
        // What is printed to a terminal has no frames.
        let demux = Demux::new(!document.flag("Config.Tty"));
        let doing = format!("reading the log of container {}", self.container);
        let answer = engine.stream(HEADER_LIMIT, &doing, &self.path(document.text("Id"))).await?;
        Ok(pieces(answer, demux))
    }

    fn path(&self, id: &str) -> String {
        let time = |time: Option<Timestamp>| {
            time.map(|time| format!("{}.{:09}", time.as_second(), time.subsec_nanosecond())).unwrap_or_default()
        };
        format!(
            "/containers/{id}/logs?stdout=true&stderr=true&follow={}&timestamps={}&tail={}&since={}&until={}",
            self.follow,
            self.timestamps,
            self.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            time(self.since),
            time(self.until),
        )
    }
}

/// The pieces of an answer, each of one output.
fn pieces(answer: Streaming, demux: Demux) -> impl Stream<Item = Result<Piece, EngineError>> {
    let state = (answer, demux, Vec::<Piece>::new().into_iter());
    stream::unfold(state, |(mut answer, mut demux, mut ready)| async move {
        loop {
            if let Some(piece) = ready.next() {
                return Some((Ok(piece), (answer, demux, ready)));
            }
            match answer.next().await? {
                Ok(chunk) => ready = demux.split(chunk).into_iter(),
                Err(error) => return Some((Err(error), (answer, demux, ready))),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_asked_for_to_the_nanosecond() {
        let wanted = Wanted { tail: Some(0), since: Timestamp::new(7, 50).ok(), follow: true, ..Wanted::default() };
        let expected = "/containers/abc/logs?stdout=true&stderr=true&follow=true&timestamps=false&tail=0\
                        &since=7.000000050&until=";
        assert_eq!(wanted.path("abc"), expected);
        assert!(Wanted::default().path("abc").contains("&tail=all&"));
    }
}
