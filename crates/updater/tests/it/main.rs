//! The updater from outside.

mod registry;
