//! One reader of `homeport.bus.v1`: from disk and memory until it has caught up, then live.

mod pace;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures::{FutureExt as _, Stream, StreamExt as _};
use homeport_proto::bus::v1::{
    self, CaughtUp, Gap, SubscribeResponse, gap::Reason, subscribe_response::Message as Said,
};
use homeport_service::{status::to_status, telemetry::chain};
use pace::Pace;
use tokio::sync::OwnedMutexGuard;
use tonic::Status;

use crate::{
    broker::{Broker, Filter, Origin, Subscription},
    log::{Ahead, Groups, Log, message},
};

/// Live events that are taken from the queue at a time.
const LIVE_BATCH: usize = 64;

/// Where a reader begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begin {
    After(u64),
    /// Milliseconds since 1970.
    Time(i64),
    Live,
    Earliest,
}

#[derive(Debug)]
pub(crate) struct Reader {
    broker: Broker,
    log: Arc<Log>,
    filter: Filter,
    origin: Origin,
    /// Whether what it wants may be on disk, and may be in memory.
    places: (bool, bool),
    /// Everything up to here was said.
    cursor: u64,
    /// Events before this time are not wanted.
    not_before_ms: i64,
    /// Up to where gaps were said.
    told: Told,
    live: Option<Subscription>,
    /// The last id before the live subscription, while what is up to there is still read.
    joining: Option<u64>,
    caught_up: bool,
    /// What was read from the disk and not said yet.
    ahead: Ahead,
    pace: Pace,
    group: Option<Member>,
    said: VecDeque<Said>,
}

#[derive(Debug, Default)]
struct Told {
    expired: u64,
    not_in_memory: u64,
    lost: u64,
}

#[derive(Debug)]
struct Member {
    groups: Arc<Groups>,
    name: String,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Reader {
    /// A reader; with a live cursor it is subscribed when this returns.
    pub(crate) async fn new(
        broker: Broker,
        log: Arc<Log>,
        prefixes: Vec<String>,
        origin: Origin,
        begin: Begin,
    ) -> Result<Self, Status> {
        let mut reader = Self {
            places: broker.places(&prefixes),
            filter: Filter::Topics(prefixes),
            cursor: 0,
            not_before_ms: i64::MIN,
            told: Told::default(),
            live: None,
            joining: None,
            caught_up: false,
            ahead: Ahead::default(),
            pace: Pace::new(Instant::now()),
            group: None,
            said: VecDeque::new(),
            broker,
            log,
            origin,
        };
        reader.begin(begin).await?;
        Ok(reader)
    }

    /// Where the reader begins.
    pub(crate) const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Makes it read only while it is this group's turn, from where the group is then.
    pub(crate) fn wait_for_turn(&mut self, groups: Arc<Groups>, name: String) {
        (self.live, self.joining, self.caught_up) = (None, None, false);
        self.said.clear();
        self.group = Some(Member { groups, name, turn: None });
    }

    /// What it is told, until the bus drains.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<SubscribeResponse, Status>> + Send {
        futures::stream::unfold(Some(self), async |reader| {
            let mut reader = reader?;
            loop {
                if let Some(said) = reader.said.pop_front() {
                    return Some((Ok(SubscribeResponse { message: Some(said) }), Some(reader)));
                }
                match reader.fill().await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(status) => return Some((Err(status), None)),
                }
            }
        })
    }

    async fn begin(&mut self, begin: Begin) -> Result<(), Status> {
        match begin {
            // An id from a time that this disk does not know: what comes from now on is newer.
            Begin::After(id) => self.cursor = id.min(self.broker.last_id()),
            Begin::Time(time_ms) => {
                let on_disk = self.log.before(time_ms).await.map_err(|error| unreadable(&error))?;
                self.cursor = on_disk.max(self.broker.ring_before(time_ms));
                self.not_before_ms = time_ms;
            }
            Begin::Live => {
                self.cursor = self.join()?;
                self.catch_up_done();
            }
            Begin::Earliest => {
                let (part, lost) = self.broker.ring(0, 0);
                self.told = Told { expired: self.log.expired_to(), not_in_memory: part.gone_to, lost };
            }
        }
        Ok(())
    }

    /// Finds something to say; false at the end.
    async fn fill(&mut self) -> Result<bool, Status> {
        if let Some(Member { groups, name, turn: turn @ None }) = &mut self.group {
            let Some((held, acknowledged)) = groups.turn(name).await else { return Ok(false) };
            *turn = Some(held);
            self.cursor = acknowledged.min(self.broker.last_id());
        }
        if self.joining.is_some() || self.live.is_none() {
            self.catch_up().await?;
            return Ok(true);
        }
        let Some(live) = &mut self.live else { return Ok(false) };
        match live.next().await {
            Some(event) => {
                let mut next = Some(event);
                while let Some(event) = next {
                    self.cursor = event.id;
                    self.said.push_back(Said::Event(message(&event)));
                    next = if self.said.len() < LIVE_BATCH { live.next().now_or_never().flatten() } else { None };
                }
                Ok(true)
            }
            None if live.overflowed() => {
                self.live = None;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Reads on. When the disk has no more, it subscribes first and then reads what came in between.
    async fn catch_up(&mut self) -> Result<(), Status> {
        let page = if self.places.0 {
            self.ahead.next(&self.log, self.cursor).await.map_err(|error| unreadable(&error))?
        } else {
            crate::log::Page::default()
        };
        match (page.to, self.joining) {
            (None, None) => {
                let head = self.join()?;
                self.broker.settled(head).await;
                self.joining = Some(head);
            }
            (Some(to), None) => {
                self.say(page.events, to);
                if let Some(pause) = self.pace.pause(Instant::now(), self.cursor, self.broker.last_id()) {
                    tokio::time::sleep(pause).await;
                    // The quietest moment is when somebody's event was just stored, and after they were answered.
                    drop(tokio::time::timeout(pause, self.broker.settles()).await);
                    tokio::task::yield_now().await;
                }
            }
            (to, Some(head)) => {
                let to = to.unwrap_or(head).min(head);
                self.say(page.events, to);
                if to == head {
                    self.joining = None;
                    self.catch_up_done();
                }
            }
        }
        Ok(())
    }

    fn join(&mut self) -> Result<u64, Status> {
        let (live, head) = self
            .broker
            .subscribe_until_full(self.filter.clone(), self.origin.clone())
            .map_err(|error| to_status(&error))?;
        self.live = Some(live);
        Ok(head)
    }

    fn catch_up_done(&mut self) {
        if !std::mem::replace(&mut self.caught_up, true) {
            self.said.push_back(Said::CaughtUp(CaughtUp { id: self.cursor }));
        }
    }

    /// Says the events up to an id: those from the disk and those in memory, in order.
    fn say(&mut self, on_disk: Vec<v1::Event>, to: u64) {
        let (part, lost) = self.broker.ring(self.cursor, to);
        self.say_gaps(part.gone_to, lost);
        let mut in_memory = part.events.iter().filter(|event| self.wants(&event.topic, event.time_ms)).peekable();
        let mut events = Vec::new();
        for event in on_disk.into_iter().filter(|event| event.id <= to) {
            while let Some(earlier) = in_memory.next_if(|earlier| earlier.id < event.id) {
                events.push(message(earlier));
            }
            if self.wants(&event.topic, milliseconds(event.time)) {
                events.push(event);
            }
        }
        events.extend(in_memory.map(|event| message(event)));
        self.broker.replayed(events.len() as u64);
        self.said.extend(events.into_iter().map(Said::Event));
        self.cursor = self.cursor.max(to);
    }

    fn wants(&self, topic: &str, time_ms: i64) -> bool {
        let prefixes = self.filter.prefixes();
        time_ms >= self.not_before_ms
            && (prefixes.is_empty() || prefixes.iter().any(|prefix| topic.starts_with(prefix)))
    }

    fn say_gaps(&mut self, not_in_memory: u64, lost: u64) {
        let (on_disk, in_memory) = self.places;
        let cursor = self.cursor;
        let gaps = [
            (on_disk, self.log.expired_to(), &mut self.told.expired, Reason::Expired),
            (in_memory, not_in_memory, &mut self.told.not_in_memory, Reason::NotStored),
            (on_disk, lost, &mut self.told.lost, Reason::NotStored),
        ];
        for (concerned, last_id, told, reason) in gaps {
            let after_id = cursor.max(*told);
            if concerned && last_id > after_id {
                *told = last_id;
                self.said.push_back(Said::Gap(Gap { after_id, last_id, reason: reason.into() }));
            }
        }
    }
}

/// A point in time as the bus counts it.
pub(crate) fn milliseconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000)))
}

fn unreadable(error: &homeport_store::StoreError) -> Status {
    tracing::error!(error = chain(error), "events cannot be read from the disk");
    Status::internal("stored events cannot be read; the log has the details")
}
