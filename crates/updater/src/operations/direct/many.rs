//! The same by hand for several containers.

use std::collections::BTreeMap;

use homeport_service::Context;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    super::{Inner, Operations, queue::Busy},
    Acted, Action, ByHand, Subject, levels,
};
use crate::{error::UpdateError, plan::LockPlace};

/// What became of each, in the order in which they were named.
type Results = Vec<Result<Acted, UpdateError>>;

/// Place among those that were named, container, and the update locks of its application.
type Prepared = (usize, Subject, Vec<LockPlace>);

/// What is held until the last of them is done.
#[derive(Default)]
struct Held {
    /// By lock.
    busy: BTreeMap<String, Busy>,
    /// Update locks that are ours meanwhile.
    places: Vec<LockPlace>,
}

impl Operations {
    /// Does the same to several containers, in the order in which they depend on each other. Goes on when the caller
    /// leaves.
    pub async fn act_on_many(&self, context: &Context, containers: &[String], wish: &ByHand) -> (String, Results) {
        let group = Uuid::new_v4().to_string();
        let (sender, receiver) = oneshot::channel();
        let (operations, names, wish, own_group) = (self.clone(), containers.to_vec(), wish.clone(), group.clone());
        context.spawn("actions", async move {
            // Nobody may be left to hear it.
            drop(sender.send(operations.act_on_all(&names, &wish, &own_group).await));
        });
        let cut_short = |_| containers.iter().map(|_| Err(UpdateError::CutShort)).collect();
        (group, receiver.await.unwrap_or_else(cut_short))
    }

    async fn act_on_all(&self, containers: &[String], wish: &ByHand, group: &str) -> Results {
        let mut results: Vec<Option<Result<Acted, UpdateError>>> = containers.iter().map(|_| None).collect();
        let (mut subjects, mut held) = (Vec::new(), Held::default());
        for (position, name) in containers.iter().enumerate() {
            match self.prepare(name, wish, &mut held).await {
                Ok((subject, places)) => subjects.push((position, subject, places)),
                Err(error) => results[position] = Some(Err(error)),
            }
        }
        for level in in_order(subjects, &wish.action) {
            let begun = level.into_iter().map(async |(position, subject, places)| {
                (position, self.0.act_within(&subject, wish, places, group).await)
            });
            for (position, acted) in futures::future::join_all(begun).await {
                results[position] = Some(acted);
            }
        }
        // Only now: the application's lock is one for all containers of its project.
        self.0.release_locks(&held.places).await;
        results.into_iter().map(|result| result.unwrap_or(Err(UpdateError::CutShort))).collect()
    }

    /// Looks at one of several containers, and holds what is not held yet for the others.
    async fn prepare(
        &self,
        name: &str,
        wish: &ByHand,
        held: &mut Held,
    ) -> Result<(Subject, Vec<LockPlace>), UpdateError> {
        let subject = self.0.subject(name, &wish.action).await?;
        if !held.busy.contains_key(&subject.lock) {
            held.busy.insert(subject.lock.clone(), self.seize(&subject)?);
        }
        let places = self.0.lock_places(&subject, &wish.action).await?;
        let is_new = |place: &&LockPlace| held.places.iter().all(|known| known.directory != place.directory);
        let new: Vec<_> = places.iter().filter(is_new).cloned().collect();
        self.0.take_locks(&subject, &new, wish.force).await?;
        held.places.extend(new);
        Ok((subject, places))
    }
}

impl Inner {
    /// Does it while somebody else holds the locks and gives them back. They are written down all the same, for a crash.
    async fn act_within(
        &self,
        subject: &Subject,
        wish: &ByHand,
        places: Vec<LockPlace>,
        group: &str,
    ) -> Result<Acted, UpdateError> {
        let operation = self.record(subject, wish, places, group).await?;
        let done = self.perform(&operation, &wish.action).await?;
        Ok(self.conclude(&operation, &wish.action, done).await?)
    }
}

/// Who is worked on at the same time, one group after the other.
fn in_order(subjects: Vec<Prepared>, action: &Action) -> Vec<Vec<Prepared>> {
    let needs: Vec<(String, Vec<String>)> = subjects
        .iter()
        .map(|(_, subject, _)| {
            let of_stack = |service: &String| format!("{}/{service}", subject.stack);
            // Without a service it is known by a name that nothing depends on.
            let own =
                if subject.service.is_empty() { subject.container.id.clone() } else { of_stack(&subject.service) };
            (own, subject.needs.iter().map(of_stack).collect())
        })
        .collect();
    let levels = levels(&needs);
    let mut groups: BTreeMap<usize, Vec<Prepared>> = BTreeMap::new();
    for (subject, level) in subjects.into_iter().zip(levels) {
        groups.entry(level).or_default().push(subject);
    }
    let groups = groups.into_values();
    if action.is_ending() { groups.rev().collect() } else { groups.collect() }
}
