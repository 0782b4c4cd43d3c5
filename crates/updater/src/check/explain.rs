//! What is offered, and of every other tag why not. The deciding is the checker's own: only who answers differs.

use std::{collections::BTreeMap, sync::Arc};

use futures::FutureExt as _;
use homeport_image_ref::{Reference, ReferenceError, Tag, Verdict, judge};
use homeport_service::status::Coded;
use jiff::Timestamp;
use tonic::Code;

use super::{
    CheckedContainer, Status,
    decide::{Answers, Open, decide_locally},
    examine::{Examined, examine},
    source::Listed,
};
use crate::inventory::Container;

/// Tags that are explained at most; those of a longer list that come later are not.
pub const MAX_EXPLAINED: usize = 20_000;

/// Names that are tried for what a moving tag points at. A list costs nothing to ask, so all that can be explained.
const RESOLVE_LIMIT: usize = MAX_EXPLAINED;

/// Where a container stands, and what each tag is to it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Where it stands.
    pub checked: Arc<CheckedContainer>,
    /// Each tag of the list, in its order.
    pub candidates: Vec<Candidate>,
    /// The list is longer than what is explained of it.
    pub truncated: bool,
}

/// A tag, and what it is to the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: String,
    /// In one word.
    pub verdict: Verdict,
    /// In a sentence, where the word's own does not say it all.
    pub detail: String,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The image is no reference.
    #[error(transparent)]
    Image(#[from] ReferenceError),
    /// There are too many tags.
    #[error("there are {0} tags; at most {MAX_EXPLAINED} can be explained at a time")]
    TooMany(usize),
}

impl Coded for ExplainError {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
}

/// Explains a list of tags to an image that runs with some labels, without asking anybody.
///
/// A tag may be followed by its digest (`1.26.3@sha256:…`), and so may the image: then moving tags and rebuilds are
/// decided as well.
#[expect(clippy::missing_panics_doc, reason = "a list answers at once")]
pub fn explain(image: &str, tags: &[String], labels: BTreeMap<String, String>) -> Result<Explanation, ExplainError> {
    if tags.len() > MAX_EXPLAINED {
        return Err(ExplainError::TooMany(tags.len()));
    }
    let reference: Reference = image.parse()?;
    // A digest with a tag is what runs; a digest alone is all that there is to follow.
    let running = reference.without_digest();
    let created_from = if reference.tag().is_some() { running.familiar() } else { image.to_owned() };
    let container = Container {
        name: running.familiar(),
        image: created_from,
        repo_digests: vec![reference.familiar()],
        running: true,
        health: "none",
        labels,
        ..Container::default()
    };
    let listed = Listed::new(tags.iter().map(String::as_str));
    let examined = examine(decide_locally(&container, None, Timestamp::UNIX_EPOCH), &listed, RESOLVE_LIMIT);
    Ok(of(examined.now_or_never().expect("a list answers at once"), listed.list()))
}

/// Explains what an examination found. `tags` are those that are explained where the registry was not asked.
pub(super) fn of(examined: Examined, tags: &[Tag]) -> Explanation {
    let Examined { checked, basis } = examined;
    let (mut candidates, truncated) = match &basis {
        Some((open, answers)) => {
            let list = answers.tags.as_ref().ok();
            let tags = list.map_or(&[][..], |list| &list.tags);
            let shown = &tags[..tags.len().min(MAX_EXPLAINED)];
            (judged(open, shown), list.is_some_and(|list| list.truncated) || shown.len() < tags.len())
        }
        None => (undecided(&checked, tags), false),
    };
    if let Some((_, answers)) = &basis {
        for candidate in &mut candidates {
            settle(candidate, &checked, answers);
        }
    }
    Explanation { checked: Arc::new(checked), candidates, truncated }
}

fn judged(open: &Open, tags: &[Tag]) -> Vec<Candidate> {
    let verdict = |(tag, verdict): (&Tag, Verdict)| {
        let followed = open.follows_digest() && verdict != Verdict::Current;
        candidate(tag, if followed { Verdict::Followed } else { verdict })
    };
    judge(&open.tag, tags, &open.policy).into_iter().map(verdict).collect()
}

/// What the registry's answers change about what the texts say.
fn settle(candidate: &mut Candidate, checked: &CheckedContainer, answers: &Answers) {
    let tag = candidate.tag.as_str();
    if answers.ghosts.iter().any(|ghost| ghost.as_str() == tag) {
        candidate.verdict = Verdict::Ghost;
    } else if tag == checked.recommended_tag {
        candidate.verdict = Verdict::Recommended;
    } else if tag == checked.latest_version {
        if candidate.verdict == Verdict::Current {
            "the tag that runs points at another image now".clone_into(&mut candidate.detail);
        }
        candidate.verdict = Verdict::Offered;
    } else if candidate.verdict == Verdict::Offered {
        // The one that the texts alone would offer has no image, and another one is offered.
        candidate.verdict = Verdict::Surpassed;
    }
}

/// Nothing was decided about the tags themselves.
fn undecided(checked: &CheckedContainer, tags: &[Tag]) -> Vec<Candidate> {
    let verdict = match checked.status {
        Status::Ignored => Verdict::Ignored,
        Status::CheckFailed => Verdict::Labels,
        _ => Verdict::Followed,
    };
    let detail = if verdict == Verdict::Labels { checked.error.clone() } else { checked.note.clone() };
    tags.iter().map(|tag| Candidate { detail: detail.clone(), ..candidate(tag, verdict) }).collect()
}

fn candidate(tag: &Tag, verdict: Verdict) -> Candidate {
    Candidate { tag: tag.as_str().to_owned(), verdict, detail: String::new() }
}

impl Candidate {
    /// The verdict in a sentence.
    pub fn reason(&self) -> &str {
        if self.detail.is_empty() { self.verdict.reason() } else { &self.detail }
    }
}
