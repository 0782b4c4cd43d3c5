//! Compose files: where the tag of an image lives, and the edit that changes nothing else.
