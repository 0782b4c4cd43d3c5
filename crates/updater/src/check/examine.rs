//! One container: what its files and its registry say, and what follows.

use homeport_image_ref::{Digest, Reference, Tag, newest};
use jiff::Timestamp;

use super::{
    CheckedContainer,
    compose::Files,
    decide::{Answers, Local, Open, decide, decide_locally},
    source::Source,
};
use crate::{
    inventory::{Container, Inventory},
    registry::RegistryError,
};

/// Newer tags without an image for this machine that are passed over before the search ends: a platform that a project has
/// given up lacks in many releases. Each is a request.
const MAX_PASSED: usize = 20;

/// What an examination needs.
pub(super) struct Examination<'e> {
    pub(super) inventory: &'e dyn Inventory,
    pub(super) source: &'e dyn Source,
    pub(super) files: &'e Files,
    /// Tags that are asked for their digest to find the version behind a moving tag.
    pub(super) resolve_limit: usize,
}

/// A container whose registry was asked: what was known before, and what it said.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) checked: CheckedContainer,
    /// None: it was decided without the registry.
    pub(super) basis: Option<(Box<Open>, Answers)>,
}

impl Examination<'_> {
    /// Finds out where a container stands.
    pub(super) async fn examine(&self, container: &Container, now: Timestamp) -> Examined {
        let service = self.files.service(self.inventory, container).await;
        examine(decide_locally(container, service.as_ref(), now), self.source, self.resolve_limit).await
    }
}

/// Goes on from what is known without a registry.
pub(super) async fn examine(local: Local, source: &dyn Source, resolve_limit: usize) -> Examined {
    match local {
        Local::Decided(checked) => Examined { checked: *checked, basis: None },
        Local::Open(open) => {
            let answers = Questions { open: &open, source, resolve_limit }.ask().await;
            Examined { checked: decide(&open, &answers), basis: Some((open, answers)) }
        }
    }
}

/// The questions about one container.
struct Questions<'q> {
    open: &'q Open,
    source: &'q dyn Source,
    resolve_limit: usize,
}

impl Questions<'_> {
    /// Asks as little as will do.
    async fn ask(&self) -> Answers {
        let tags = self.source.tags(&self.open.reference).await;
        let mut answers = Answers {
            tags,
            candidate: None,
            ghosts: Vec::new(),
            digest: None,
            is_same_image: false,
            names: Vec::new(),
        };
        let list = answers.tags.as_ref().ok().cloned();
        match &list {
            Some(list) if !self.open.follows_digest() => {
                if let Err(error) = self.find_candidate(&list.tags, list.truncated, &mut answers).await {
                    answers.digest = Some(Err(error));
                    return answers;
                }
            }
            None if !self.open.follows_digest() => return answers,
            _ => {}
        }
        if answers.candidate.is_none() {
            answers.digest = Some(self.source.digest(&self.at(&self.open.tag)).await);
            answers.is_same_image = self.is_same_image(answers.digest.as_ref()).await;
        }
        if let Some(list) = &list {
            self.find_names(&list.tags, &mut answers).await;
        }
        answers
    }

    /// Whether another digest than the one that runs leads to the image that runs.
    async fn is_same_image(&self, digest: Option<&Result<Option<Digest>, RegistryError>>) -> bool {
        let Some(Ok(Some(digest))) = digest else { return false };
        if self.open.digests.is_empty() || self.open.runs(digest) || self.open.image_id.is_empty() {
            return false;
        }
        self.source.leads_to_running(&self.open.reference.without_tag().with_digest(digest.clone()), self.open).await
    }

    /// The newest tag that may follow and that has an image. None is no failure: what the present tag points at is still to
    /// be looked at.
    async fn find_candidate(&self, listed: &[Tag], is_cut: bool, answers: &mut Answers) -> Result<(), RegistryError> {
        let mut tags = listed.to_vec();
        if is_cut {
            tags.extend(self.open.unlisted(&tags));
        }
        for _ in 0..=MAX_PASSED {
            let Some(tag) = newest(&self.open.tag, &tags, &self.open.policy).cloned() else { return Ok(()) };
            match self.source.candidate(&self.at(&tag), self.open).await {
                Ok((digest, true)) => {
                    answers.candidate = Some((tag, digest));
                    return Ok(());
                }
                Ok((_, false)) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
            tags.retain(|other| *other != tag);
            // One that a list which was cut may have, and has not, is none.
            if listed.contains(&tag) {
                answers.ghosts.push(tag);
            }
        }
        Ok(())
    }

    /// The version tags that name what runs, and what the present tag points at now. Ends as soon as both have a name.
    async fn find_names(&self, tags: &[Tag], answers: &mut Answers) {
        let present = match &answers.digest {
            Some(Ok(Some(digest))) => Some(digest.clone()),
            _ => None,
        };
        let mut nameless = self.open.nameless(present.as_ref());
        for name in self.open.likely_names(tags, self.resolve_limit) {
            if nameless.is_empty() {
                return;
            }
            if let Ok(Some(digest)) = self.source.name_digest(&self.at(&name)).await {
                let is_named = |other: &Digest| *other == digest || (self.open.runs(other) && self.open.runs(&digest));
                nameless.retain(|other| !is_named(other));
                answers.names.push((name, digest));
            }
        }
    }

    fn at(&self, tag: &Tag) -> Reference {
        self.open.reference.with_tag(tag)
    }
}
