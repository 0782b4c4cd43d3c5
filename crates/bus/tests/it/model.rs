//! The broker against a `Vec` of everything that was ever published.

use futures::{FutureExt as _, StreamExt as _};
use homeport_bus::broker::{Broker, Event, Filter, Limits, Origin, Subscription};
use proptest::prelude::*;

const LIMITS: Limits = Limits { queue_events: 3, queue_bytes: 400, subscribers: 4 };
/// What an event counts besides its texts.
const OVERHEAD: usize = 64;

#[derive(Debug, Clone)]
enum Step {
    Publish(String, String),
    /// By the joined text, by the topic or by several prefixes, and whether the subscription ends when its queue is full.
    Subscribe(Filter, bool),
    /// The subscriber at this place (of those there are) leaves.
    Leave(usize),
    /// The subscriber at this place takes as many events as it finds, up to this many.
    Read(usize, usize),
    /// The broker says who missed how much.
    Report,
}

fn filter() -> impl Strategy<Value = Filter> {
    let prefix = || "[ab]{0,2}(:[ab]{0,2})?";
    prop_oneof![
        prefix().prop_map(Filter::Joined),
        (prefix(), prop::collection::vec(prefix(), 1..3))
            .prop_map(|(prefix, within)| Filter::JoinedWithin(prefix, within.into())),
        prefix().prop_map(Filter::Topic),
        prop::collection::vec(prefix(), 0..3).prop_map(Filter::Topics),
    ]
}

/// [`Filter::matches`] as its description says it.
fn wants(filter: &Filter, Event { topic, value }: &Event) -> bool {
    match filter {
        Filter::Joined(prefix) => format!("{topic}:{value}").starts_with(prefix),
        Filter::JoinedWithin(prefix, within) => {
            format!("{topic}:{value}").starts_with(prefix)
                && within.iter().any(|within| format!("{topic}:").starts_with(within))
        }
        Filter::Topic(prefix) => topic.starts_with(prefix),
        Filter::Topics(prefixes) => prefixes.is_empty() || prefixes.iter().any(|prefix| topic.starts_with(prefix)),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let topic = "[ab]{0,2}(:[ab]{1,2})?";
    prop_oneof![
        4 => (topic, "[ab{]{0,3}|x{120,200}").prop_map(|(topic, value)| Step::Publish(topic, value)),
        2 => (filter(), any::<bool>()).prop_map(|(filter, until_full)| Step::Subscribe(filter, until_full)),
        1 => (0..4usize).prop_map(Step::Leave),
        3 => (0..4usize, 1..5usize).prop_map(|(place, count)| Step::Read(place, count)),
        1 => Just(Step::Report),
    ]
}

/// A subscriber as it should be: what it asked for, what waits for it, what it missed.
struct Model {
    filter: Filter,
    until_full: bool,
    /// It was full, and gets nothing more.
    ended: bool,
    waiting: Vec<Event>,
    missed: u64,
    missed_total: u64,
}

impl Model {
    fn publish(&mut self, event: &Event) {
        if self.ended || !wants(&self.filter, event) {
            return;
        }
        let size = |event: &Event| event.topic.len() + event.value.len() + OVERHEAD;
        let bytes = self.waiting.iter().map(size).sum::<usize>() + size(event);
        if self.waiting.is_empty() || (self.waiting.len() < LIMITS.queue_events && bytes <= LIMITS.queue_bytes) {
            self.waiting.push(event.clone());
        } else if self.until_full {
            self.ended = true;
        } else {
            self.missed += 1;
            self.missed_total += 1;
        }
    }

    fn report(&mut self) -> Option<(String, u64, u64)> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then(|| (self.filter.prefix().to_owned(), missed, self.missed_total))
    }
}

fn take(subscription: &mut Subscription) -> Option<Event> {
    subscription.next().now_or_never().flatten().map(|event| Event::clone(&event))
}

#[derive(Default)]
struct Run {
    subscribers: Vec<(Subscription, Model)>,
    departed: Vec<(String, u64, u64)>,
}

impl Run {
    fn step(&mut self, broker: &Broker, step: Step) {
        match step {
            Step::Publish(topic, value) => {
                let event = Event::new(topic, value);
                broker.publish(event.clone()).unwrap();
                self.subscribers.iter_mut().for_each(|(_, model)| model.publish(&event));
            }
            Step::Subscribe(filter, until_full) => {
                let result = if until_full {
                    broker.subscribe_until_full(filter.clone(), Origin::default()).map(|(subscription, _)| subscription)
                } else {
                    broker.subscribe(filter.clone())
                };
                assert_eq!(result.is_ok(), self.subscribers.len() < LIMITS.subscribers);
                let (waiting, ended) = (Vec::new(), false);
                let model = Model { filter, until_full, ended, waiting, missed: 0, missed_total: 0 };
                self.subscribers.extend(result.ok().map(|subscription| (subscription, model)));
            }
            Step::Leave(place) => {
                if place < self.subscribers.len() {
                    let (subscription, mut model) = self.subscribers.remove(place);
                    drop(subscription);
                    self.departed.extend(model.report());
                }
            }
            Step::Read(place, count) => {
                if let Some((subscription, model)) = self.subscribers.get_mut(place) {
                    for _ in 0..count {
                        let expected = (!model.waiting.is_empty()).then(|| model.waiting.remove(0));
                        assert_eq!(take(subscription), expected);
                    }
                }
            }
            Step::Report => {
                let mut expected = std::mem::take(&mut self.departed);
                expected.extend(self.subscribers.iter_mut().filter_map(|(_, model)| model.report()));
                let lags = broker.take_lags().into_iter();
                let mut lags: Vec<_> = lags.map(|lag| (lag.prefix, lag.dropped, lag.dropped_total)).collect();
                lags.sort();
                expected.sort();
                assert_eq!(lags, expected);
            }
        }
        assert_eq!(broker.subscribers(), self.subscribers.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_broker_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        let broker = Broker::new(LIMITS);
        let mut run = Run::default();
        for step in steps {
            run.step(&broker, step);
        }
        broker.drain();
        prop_assert!(broker.publish(Event::new("a", "")).is_err());
        for (mut subscription, model) in run.subscribers {
            for event in model.waiting {
                prop_assert_eq!(take(&mut subscription), Some(event));
            }
            prop_assert_eq!(subscription.next().now_or_never(), Some(None), "the stream ends after its queue");
        }
    }
}
