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

    /// Sends the client what was heard, and what is still to come. The plugin answered at `then`.
    pub(super) async fn pass(mut self, plugin: &Plugin, answer: &Answer, then: Instant) -> Result<(), Ended> {
        let mut content = Content::new(answer.length);
        loop {
            // What could be read arrives also when the rest cannot.
            let passed = content.pass(&mut self.heard, self.out.room());
            if self.client.write_all(&self.out).await.is_err() || self.client.flush().await.is_err() {
                return Err(Ended::Left);
            }
            self.out.clear();
            passed?;
            if content.is_over() {
                break;
            }
            if self.hear(usize::MAX).await? == 0 {
                content.end(self.out.room())?;
            }
        }
        if let Some(line) = self.line.take()
            && answer.keeps
            && self.heard.is_empty()
        {
            plugin.client.keep_line(line, then);
        }
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
