//! The updater from outside.
