//! One question to a plugin, and its answer on the way to the client.

use std::{future::poll_fn, io, task::Poll, time::Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::{
    answer::{self, Answer, Fault, HEAD_MOST, Setting},
    content::Content,
};
use crate::{
    listener::Buffer,
    plugin::{Plugin, line::Line},
};

/// Why an exchange did not come to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The client left.
    Left,
    /// The plugin did not do its part.
    Fault(Fault),
    /// The client may have no more of it.
    Over,
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// An exchange, from the question to the last byte of its answer.
#[derive(Debug)]
pub(super) struct Exchange<'a, S> {
    client: &'a mut S,
    /// The request, and what the client sends after it.
    input: &'a mut Buffer,
    line: Option<Line>,
    /// What the plugin said and nobody has looked at yet.
    heard: Buffer,
    /// What the client is to get.
    out: Buffer,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Exchange<'a, S> {
    pub(super) fn new(client: &'a mut S, input: &'a mut Buffer) -> Self {
        Self { client, input, line: None, heard: Buffer::default(), out: Buffer::default() }
    }

    pub(super) fn input(&self) -> &[u8] {
        self.input
    }

    /// Asks a plugin, and reads until the head of its answer is there.
    pub(super) async fn ask(
        &mut self,
        plugin: &Plugin,
        question: &[u8],
        setting: &Setting<'_>,
        now: Instant,
    ) -> Result<Answer, Ended> {
        let line = match plugin.client.take_line(now) {
            Some(kept) => kept,
            None => open(plugin).await?,
        };
        match self.ask_on(line, question, setting).await {
            // A kept connection that the plugin closed at the same moment; a question may be asked twice.
            Err(Ended::Fault(Fault::NoAnswer | Fault::Io(_))) if self.heard.is_empty() => {}
            answer => return answer,
        }
        let again = open(plugin).await?;
        self.ask_on(again, question, setting).await
    }

    async fn ask_on(&mut self, line: Line, question: &[u8], setting: &Setting<'_>) -> Result<Answer, Ended> {
        line.say(question).await?;
        self.line = Some(line);
        loop {
            if self.hear(HEAD_MOST).await? == 0 {
                return Err(if self.heard.is_empty() { Fault::NoAnswer } else { Fault::Short }.into());
            }
            while let Some(answer) = answer::pass(&self.heard, setting, self.out.room())? {
                self.heard.consume(answer.head);
                if answer.status >= 200 {
                    return Ok(answer);
                }
            }
        }
    }

    /// Sends the client what was heard, and what is still to come. The plugin answered at `then`. Only an answer of which
    /// not all came with its head is watched: it ends without its end as soon as what `over` makes of the request does.
    pub(super) async fn pass<F: Future<Output = ()>>(
        mut self,
        plugin: &Plugin,
        answer: &Answer,
        then: Instant,
        over: impl FnOnce(&[u8]) -> F,
    ) -> Result<(), Ended> {
        let mut content = Content::new(answer.length);
        let passed = content.pass(&mut self.heard, self.out.room());
        if passed.is_err() || content.is_over() {
            // What could be read arrives also when the rest cannot.
            self.tell().await?;
            passed?;
        } else {
            let over = over(self.input);
            // In a box of its own: few answers are long, and every connection would have to keep the room for it.
            Box::pin(self.rest_until(over, &mut content)).await?;
        }
        if let Some(line) = self.line.take()
            && answer.keeps
            && self.heard.is_empty()
        {
            plugin.client.keep_line(line, then);
        }
        Ok(())
    }

    async fn rest_until(&mut self, over: impl Future<Output = ()>, content: &mut Content) -> Result<(), Ended> {
        tokio::select! {
            // First, so that a plugin that always has something to say cannot keep it from being heard.
            biased;
            () = over => Err(Ended::Over),
            ended = self.rest(content) => ended,
        }
    }

    async fn rest(&mut self, content: &mut Content) -> Result<(), Ended> {
        self.tell().await?;
        while !content.is_over() {
            if self.hear(usize::MAX).await? == 0 {
                content.end(self.out.room())?;
            }
            let passed = content.pass(&mut self.heard, self.out.room());
            self.tell().await?;
            passed?;
        }
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), Ended> {
        if self.client.write_all(&self.out).await.is_err() || self.client.flush().await.is_err() {
            return Err(Ended::Left);
        }
        self.out.clear();
        Ok(())
    }

    /// Waits until the plugin says something more. Listens to the client as well, who may leave.
    async fn hear(&mut self, most: usize) -> Result<usize, Ended> {
        let Self { client, input, line, heard, .. } = self;
        let Some(line) = line else { return Err(Fault::NoAnswer.into()) };
        poll_fn(|cx| {
            let read = if heard.is_full() { heard.poll_fill(line, most, cx) } else { heard.poll_read(line, cx) };
            if let Poll::Ready(read) = read {
                return Poll::Ready(read.map_err(Into::into));
            }
            while !input.is_full() {
                match input.poll_read(client, cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Ended::Left)),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn open(plugin: &Plugin) -> Result<Line, Fault> {
    Box::pin(plugin.client.open_line()).await.map_err(Fault::Connect)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use http::HeaderValue;
    use tokio::io::AsyncReadExt as _;
    use tokio_util::sync::CancellationToken;

    use super::{super::answer::Length, *};
    use crate::{
        metrics::PluginCounts,
        plugin::{client::Client, entry::Entry},
    };

    fn plugin() -> Plugin {
        let entry = Entry {
            name: "a".to_owned(),
            uri: "a".to_owned(),
            socket: "/a".into(),
            openapi: String::new(),
            has_ui: false,
            sandboxed_ui: false,
        };
        let client = Client::new("/a".into(), "/".into(), 1);
        let counts = PluginCounts::new("a");
        Plugin { entry, client, prefix: HeaderValue::from_static("/plugins/a"), counts, gone: CancellationToken::new() }
    }

    /// Passes on what came with a head, and tells how that ended, what the client got, and whether it was watched.
    async fn check(length: Length, came: &str, is_watched: bool) {
        let ((mut client, mut other), mut input, mut watched) = (tokio::io::duplex(1024), Buffer::default(), false);
        let mut exchange = Exchange::new(&mut client, &mut input);
        exchange.heard.room().extend_from_slice(came.as_bytes());
        let answer = Answer { status: 200, length, keeps: true, head: 0 };
        let over = |_: &[u8]| {
            watched = true;
            ready(())
        };
        let ended = exchange.pass(&plugin(), &answer, Instant::now(), over).await;
        assert_eq!((watched, matches!(ended, Err(Ended::Over))), (is_watched, is_watched), "{came}: {ended:?}");
        drop(client);
        let mut got = String::new();
        other.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, if is_watched { "" } else { came }, "nothing goes out after the end");
    }

    #[tokio::test]
    async fn only_an_answer_that_goes_on_is_watched() {
        check(Length::Exactly(4), "part", false).await;
        check(Length::Nothing, "", false).await;
        check(Length::Chunked, "4\r\npart\r\n0\r\n\r\n", false).await;
        check(Length::Exactly(5), "part", true).await;
        check(Length::Exactly(5), "", true).await;
        check(Length::Chunked, "4\r\npart\r\n", true).await;
        check(Length::UntilEnd, "part", true).await;
    }

    #[tokio::test]
    async fn a_plugin_that_falls_silent_fails_when_nothing_is_over() {
        let ((mut client, _other), mut input) = (tokio::io::duplex(1024), Buffer::default());
        let exchange = Exchange::new(&mut client, &mut input);
        let answer = Answer { status: 200, length: Length::Exactly(5), keeps: true, head: 0 };
        let ended = exchange.pass(&plugin(), &answer, Instant::now(), |_| pending::<()>()).await;
        assert!(matches!(ended, Err(Ended::Fault(Fault::NoAnswer))), "{ended:?}");
    }
}
