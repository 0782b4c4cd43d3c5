//! What people do by hand, to the model.

use super::{Action, Engine, EngineError, EngineErrorKind, FakeEngine, refused};

pub(super) async fn act(engine: &FakeEngine, container: &str, action: &Action) -> Result<(), EngineError> {
    {
        let mut world = engine.world();
        let taken = world.locks_taken.len();
        world.locks_at_acts.push(taken);
    }
    match action {
        Action::Start | Action::Unpause => engine.start(container).await,
        Action::Stop { .. } | Action::Pause | Action::Kill { .. } => engine.stop(container).await,
        Action::Restart { .. } => {
            engine.instant().await?;
            {
                let mut world = engine.world();
                if world.find(container).is_none() {
                    return Err(refused(EngineErrorKind::NotFound, "no such container"));
                }
                world.end(container);
            }
            engine.start(container).await
        }
        Action::Remove { .. } => engine.remove(container).await,
    }
}
