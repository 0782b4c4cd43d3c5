//! One container: what its files and its registry say, and what follows.

use homeport_image_ref::{Digest, Tag, newest};
use jiff::Timestamp;

use super::{
    CheckedContainer,
    compose::Files,
    decide::{Answers, Local, Open, decide, decide_locally},
};
use crate::{
    inventory::{Container, Inventory},
    registry::{Client, Freshness, RegistryError},
};

/// Newer tags without an image that are passed over before the search ends.
const MAX_GHOSTS: usize = 3;

/// What an examination needs.
pub(super) struct Examination<'e> {
    pub(super) inventory: &'e dyn Inventory,
    pub(super) registry: &'e Client,
    pub(super) files: &'e Files,
    pub(super) fresh: Freshness,
    /// Tags that are asked for their digest to find the version behind a moving tag.
    pub(super) resolve_limit: usize,
}

impl Examination<'_> {
    /// Finds out where a container stands.
    pub(super) async fn examine(&self, container: &Container, now: Timestamp) -> CheckedContainer {
        let service = self.files.service(self.inventory, container).await;
        match decide_locally(container, service.as_ref(), now) {
            Local::Decided(checked) => *checked,
            Local::Open(open) => {
                let answers = self.ask(&open).await;
                decide(&open, &answers)
            }
        }
    }

    /// Asks the registry as little as will do.
    async fn ask(&self, open: &Open) -> Answers {
        let tags = self.registry.tags(&open.reference, self.fresh).await;
        let mut answers = Answers { tags, candidate: None, ghosts: Vec::new(), digest: None, names: Vec::new() };
        let list = answers.tags.as_ref().ok().cloned();
        match &list {
            Some(list) if !open.follows_digest() => {
                if let Err(error) = self.find_candidate(open, &list.tags, &mut answers).await {
                    answers.digest = Some(Err(error));
                    return answers;
                }
            }
            None if !open.follows_digest() => return answers,
            _ => {}
        }
        if answers.candidate.is_none() {
            answers.digest = Some(self.digest(open, &open.tag).await);
        }
        if let (true, Some(list)) = (open.tag.is_moving(), &list) {
            for name in open.likely_names(&list.tags, self.resolve_limit) {
                if let Ok(digest) = self.digest(open, &name).await {
                    answers.names.push((name, digest));
                }
            }
        }
        answers
    }

    /// The newest tag that may follow and that has an image.
    async fn find_candidate(&self, open: &Open, tags: &[Tag], answers: &mut Answers) -> Result<(), RegistryError> {
        let mut tags = tags.to_vec();
        while let Some(tag) = newest(&open.tag, &tags, &open.policy).cloned() {
            match self.digest(open, &tag).await {
                Ok(digest) => {
                    answers.candidate = Some((tag, digest));
                    return Ok(());
                }
                Err(error) if error.is_not_found() && answers.ghosts.len() < MAX_GHOSTS => {
                    tags.retain(|other| *other != tag);
                    answers.ghosts.push(tag);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn digest(&self, open: &Open, tag: &Tag) -> Result<Digest, RegistryError> {
        self.registry.digest_as_of(&open.reference.with_tag(tag), self.fresh).await
    }
}
