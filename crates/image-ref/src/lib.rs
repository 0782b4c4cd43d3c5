//! Image references and their tags.
//!
//! A [`Reference`] says where an image is; a [`Tag`] says which version of it, as far as its text tells. [`newest`] is
//! the one place that decides whether a tag may replace another: same scheme, same variant, same precision, right order.

mod candidate;
mod digest;
mod grammar;
mod policy;
mod reference;
mod tag;
mod variant;
mod verdict;
mod version;

pub use candidate::{Change, change, judge, newest, sort_newest_first};
pub use digest::{Digest, DigestError};
pub use policy::{Pin, Policy, PolicyError, Track};
pub use reference::{DOCKER_HUB, Reference, ReferenceError};
pub use tag::{Tag, TagKind};
pub use verdict::Verdict;
pub use version::{Family, PreRelease, Stage, Version};
