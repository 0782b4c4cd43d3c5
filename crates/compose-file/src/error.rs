//! Why a file cannot be understood or must not be edited.

/// Why compose files do not tell about a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeFileError {
    /// A file is no YAML.
    #[error("{path} is not valid YAML: {message}")]
    Yaml {
        /// The file.
        path: String,
        /// Where and why.
        message: String,
    },
    /// Files include or extend others without end, or nearly so.
    #[error("the project has more than {limit} compose files; include fewer")]
    TooManyFiles {
        /// The bound.
        limit: usize,
    },
    /// No file has the service.
    #[error("no compose file has a service {service}")]
    NoService {
        /// Name of the service.
        service: String,
    },
    /// A variable has no value, or its expression cannot be read.
    #[error("the image of service {service} is \"{text}\": {problem}")]
    Variable {
        /// Name of the service.
        service: String,
        /// The image as the file has it.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why there is no edit. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The files do not tell about the service.
    #[error(transparent)]
    Read(#[from] ComposeFileError),
    /// The service is there and no file says its image.
    #[error("failed to extract image from compose file: no image key found for service {service}")]
    NoImage {
        /// Name of the service.
        service: String,
    },
    /// The image cannot be changed in one place, or not without changing something else.
    #[error("service {service} in {path} cannot be changed: {reason}")]
    Refused {
        /// Name of the service.
        service: String,
        /// The file.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
}
