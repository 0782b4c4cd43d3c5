//! Which variables are known where: an included file knows those of the one that includes it, and its own besides.

use super::Project;
use crate::{File, dotenv::Variables};

/// Variables that are known in some of the files.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) variables: Variables<'a>,
}

impl Project<'_> {
    /// A scope with the variables of these files, in which those of the parent win.
    pub(super) fn add_scope(&mut self, parent: Option<usize>, env_files: &[String]) -> usize {
        let own =
            env_files.iter().filter_map(|path| self.known(path)).map(|(path, text)| File { path, text }).collect();
        let parent = parent.map(|parent| self.scopes[parent].variables.clone());
        self.scopes.push(Scope { variables: Variables::read(own, parent) });
        self.scopes.len() - 1
    }
}
