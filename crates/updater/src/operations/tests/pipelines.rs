//! What changes no version: restarts, labels, and containers that do not run what their file says.

use homeport_compose_file::LabelChanges;

use super::*;

impl Process {
    async fn restart(&self, what: Restarted, force: bool) -> Result<Operation, UpdateError> {
        self.operations.start_restart(RestartRequest { what, force, requested_by: "ada".to_owned() }).await
    }

    async fn restarted(&self, what: Restarted, force: bool) -> (Operation, RestartReport) {
        let started = self.restart(what, force).await.unwrap();
        let ended = self.operations.wait(&started.id, Duration::from_secs(20)).await.unwrap().unwrap();
        let report = self.operations.restart_report(&ended).await.unwrap();
        (ended, report)
    }

    async fn label(&self, changes: &[(&str, Option<&str>)], no_restart: bool) -> Result<Labelled, UpdateError> {
        let change = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        let changes: LabelChanges = changes.iter().map(change).collect();
        let request = LabelRequest { container: "web".to_owned(), changes, no_restart, force: false };
        self.operations.change_labels(&request, "ada").await
    }
}

fn web() -> Restarted {
    Restarted::Container("web".to_owned())
}

fn stack(containers: &[&str]) -> Restarted {
    let containers = containers.iter().map(|name| (*name).to_owned()).collect();
    Restarted::Stack { name: "app".to_owned(), containers }
}

impl Bench {
    fn started(&self, name: &str) -> Option<jiff::Timestamp> {
        self.engine.world().containers.values().find(|one| one.name == name).unwrap().started_at
    }

    fn says(&self, name: &str, label: &str) -> Option<String> {
        self.engine.world().containers.values().find(|one| one.name == name).unwrap().labels.get(label).cloned()
    }
}

#[tokio::test]
async fn what_ended_after_the_queue_was_read_does_not_begin_again() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    for ended in [process.updated("web").await, process.restarted(web(), false).await.0] {
        let busy = process.operations.occupy(&ended.locks(), usize::MAX).expect("its locks are free");
        process.operations.0.run(&ended.id, busy).await;
        let still = process.operations.get(&ended.id).await.unwrap();
        assert_eq!((still.status, still.completed_at), (ended.status, ended.completed_at), "{:?}", ended.kind);
    }
    process.stop().await;
}

#[tokio::test]
async fn a_stack_is_free_once_what_was_done_to_it_has_ended() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let checks = bench.targets.checks.lock().await;
    let (ended, _) = process.restarted(web(), false).await;
    assert_eq!(ended.status, Status::Complete, "{}", ended.error);
    assert!(process.operations.occupy(&ended.locks(), usize::MAX).is_some(), "to look for newer versions holds it up");
    drop(checks);
    process.stop().await;
}

#[tokio::test]
async fn s10_4_a_restart_takes_what_depends_on_it_along_in_order() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "web");
    let (process, before) = (bench.process().await, bench.started("db"));
    process.work();
    let (ended, report) = process.restarted(web(), false).await;
    assert_eq!((ended.kind, ended.status, ended.error.as_str()), (Kind::Restart, Status::Complete, ""));
    assert_eq!((ended.dependents.as_slice(), ended.container_name.as_str()), (&["lone".to_owned()][..], "web"));
    assert_eq!((report.containers, report.dependents), (vec!["web".to_owned()], vec!["lone".to_owned()]));
    assert!(bench.started("web") < bench.started("lone"));
    assert_eq!(bench.started("db"), before, "nobody asked for it");
    assert_eq!(bench.runs("web"), "1");
    process.stop().await;
}

#[tokio::test]
async fn s10_4_a_script_of_a_dependent_that_says_no_stops_a_restart_unless_forced() {
    let bench = Bench::new();
    bench.script("no.sh", "test $HOMEPORT_REASON = restart && exit 3");
    bench.label("lone", "docksmith.restart-after", "web");
    let process = bench.process().await;
    process.operations.assign_script("lone", "no.sh", "ada").await.unwrap();
    process.work();
    let (ended, report) = process.restarted(web(), false).await;
    let text = "Dependent container(s) failed pre-update check: lone. Use force restart to skip checks.";
    assert_eq!((ended.status, ended.error.as_str()), (Status::Failed, text));
    assert_eq!((report.blocked, report.errors), (vec!["lone".to_owned()], vec![text.to_owned()]));
    assert_eq!(bench.engine.world().starts, 3, "nothing was restarted");
    let (ended, report) = process.restarted(web(), true).await;
    assert_eq!((ended.status, report.dependents), (Status::Complete, vec!["lone".to_owned()]));
    process.operations.unassign_script("lone").await.unwrap();
    process.operations.assign_script("web", "no.sh", "ada").await.unwrap();
    let (ended, _) = process.restarted(web(), false).await;
    assert!(ended.error.starts_with("web: script exited with code 3"), "{}", ended.error);
    process.stop().await;
}

#[tokio::test]
async fn s10_6_an_update_leaves_a_dependent_alone_whose_script_says_no_and_a_rollback_asks_first() {
    let bench = Bench::new();
    bench.script("no.sh", "exit 3");
    bench.label("lone", "docksmith.restart-after", "web");
    let (process, before) = (bench.process().await, bench.started("lone"));
    process.operations.assign_script("lone", "no.sh", "ada").await.unwrap();
    process.work();
    let ended = process.updated("web").await;
    assert_eq!((ended.status, ended.error.as_str()), (Status::Complete, "Blocked dependents: lone"));
    assert_eq!((bench.started("lone"), ended.dependents), (before, vec!["lone".to_owned()]));
    let refused = process.rollback(&ended.id, false).await.unwrap_err().to_string();
    assert_eq!(refused, "pre-update check failed for dependent container(s): lone (use force to skip)");
    let back = process.rollback(&ended.id, true).await.unwrap();
    assert_eq!(process.ended(&back).await.status, Status::Complete);
    assert!(bench.started("lone") > before, "it follows without being asked");
    process.stop().await;
}

#[tokio::test]
async fn s10_5_a_stack_is_restarted_in_levels_and_homeport_is_left_out() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "db");
    let process = bench.process().await;
    process.work();
    let (ended, report) = process.restarted(stack(&[]), false).await;
    assert_eq!((ended.container_name.as_str(), ended.stack.as_str()), ("app", "app"));
    assert_eq!((ended.status, report.restarted), (Status::Complete, 2));
    assert_eq!(report.dependents, ["lone"], "it is outside and names one inside");
    assert!(bench.started("db") < bench.started("web"));
    bench.label("db", "homeport.role", "bus");
    let before = bench.started("db");
    let (ended, _) = process.restarted(stack(&["web", "db"]), false).await;
    let message = |name: &str| ended.details.iter().find(|one| one.container_name == name).unwrap().message.clone();
    assert_eq!((message("db").as_str(), message("web").as_str()), ("Skipped (self)", ""));
    assert_eq!(bench.started("db"), before);
    for wrong in [Restarted::Stack { name: "none".to_owned(), containers: Vec::new() }, stack(&["lone"])] {
        let error = process.restart(wrong, false).await.unwrap_err();
        assert!(matches!(error, UpdateError::NoStack { .. } | UpdateError::NoContainer { .. }), "{error}");
    }
    process.stop().await;
}

#[tokio::test]
async fn s10_7_labels_are_written_and_taken_back() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let labelled = process.label(&[("docksmith.ignore", Some("true"))], false).await.unwrap();
    assert_eq!(labelled.file, PATH);
    let ended = process.ended(&labelled.operation).await;
    assert_eq!((ended.kind, ended.status, ended.error.as_str()), (Kind::LabelChange, Status::Complete, ""));
    assert_eq!((ended.old_version.as_str(), ended.new_version.as_str()), ("{}", "{\"docksmith.ignore\":\"true\"}"));
    assert_eq!(bench.says("web", "docksmith.ignore").as_deref(), Some("true"));
    assert!(bench.file().contains("    labels:\n      - docksmith.ignore=true\n"), "{}", bench.file());
    assert_eq!((bench.runs("web").as_str(), bench.data().as_str()), ("1", "written by old"));
    // A further one after it stays when the first goes.
    let other = process.label(&[("docksmith.version-max", Some("2"))], true).await.unwrap();
    assert_eq!(process.ended(&other.operation).await.status, Status::Complete);
    assert_eq!(bench.says("web", "docksmith.version-max"), None, "the container was left as it is");
    let request = LabelRollback { group: labelled.operation.clone(), ..LabelRollback::default() };
    let (_, answers) = process.operations.roll_back_labels(&request, "ada").await.unwrap();
    let back = answers[0].1.as_ref().unwrap().operation.clone();
    assert_eq!(process.ended(&back).await.status, Status::Complete);
    assert!(process.operations.get(&labelled.operation).await.unwrap().rollback_occurred);
    assert_eq!(bench.says("web", "docksmith.ignore"), None);
    assert_eq!(bench.file(), FILE.replacen("the web\n", "the web\n    labels:\n      - docksmith.version-max=2\n", 1));
    let again = process.operations.roll_back_labels(&request, "ada").await;
    assert!(matches!(again, Err(UpdateError::NoLabelChanges)));
    process.stop().await;
}

#[tokio::test]
async fn s10_7_labels_of_what_does_not_come_up_again_are_taken_back_by_themselves() {
    let bench = Bench::new();
    let process = bench.process().await;
    bench.engine.world().exiting.insert("sha256:old".to_owned());
    process.work();
    let labelled = process.label(&[("docksmith.ignore", Some("true"))], false).await.unwrap();
    let ended = process.ended(&labelled.operation).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!((bench.file().as_str(), bench.says("web", "docksmith.ignore")), (FILE, None));
    assert!(matches!(
        process.label(&[("traefik.enable", Some("true"))], false).await,
        Err(UpdateError::ForeignLabel { .. })
    ));
    let request = LabelRequest {
        container: "lone".to_owned(),
        changes: LabelChanges::from([("docksmith.ignore".to_owned(), Some("true".to_owned()))]),
        ..LabelRequest::default()
    };
    let refused = process.operations.change_labels(&request, "ada").await.unwrap_err().to_string();
    assert!(refused.contains("is not managed by docker compose"), "{refused}");
    process.stop().await;
}

/// Contract, section 10.7: the file is put back also where a person has changed it meanwhile; what they wrote stays.
#[tokio::test(flavor = "multi_thread")]
async fn s10_7_labels_go_out_of_a_file_that_a_person_changed_meanwhile() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    bench.engine.world().exiting.insert("sha256:old".to_owned());
    process.work();
    let changes = [("docksmith.ignore", Some("true")), ("docksmith.version-max", Some("2"))];
    let labelled = process.label(&changes, false).await.unwrap();
    process.staged(&labelled.operation, "locking").await;
    bench.engine.world().on_recreate.push((PATH.to_owned(), "version-max=2".to_owned(), "version-max=3".to_owned()));
    bench.engine.world().on_recreate.push((PATH.to_owned(), "# the web".to_owned(), "# mine".to_owned()));
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&labelled.operation).await.status, Status::Failed);
    let expected = FILE.replacen("the web\n", "mine\n    labels:\n      - docksmith.version-max=3\n", 1);
    assert_eq!(bench.file(), expected, "their label and comment stay, ours goes");
    process.stop().await;
}

#[tokio::test]
async fn s10_8_a_mismatch_is_fixed_towards_the_file_or_towards_what_runs() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let refused = process.operations.fix_mismatch("web", false, "ada").await.unwrap_err().to_string();
    assert!(refused.contains("nothing to fix"), "{refused}");
    bench.engine.world().files.insert(PATH.to_owned(), FILE.replacen("app:1", "app:2", 1));
    let started = process.operations.fix_mismatch("web", false, "ada").await.unwrap();
    let ended = process.ended(&started.id).await;
    assert_eq!((ended.kind, ended.status, ended.error.as_str()), (Kind::FixMismatch, Status::Complete, ""));
    assert_eq!((ended.old_version.as_str(), ended.new_version.as_str()), ("1", "2"));
    assert_eq!((bench.runs("web").as_str(), bench.data().as_str()), ("2", "written by new"));
    // The way back writes the old version into the file, as that of an update does.
    let back = process.rollback(&ended.id, false).await.unwrap();
    let back = process.ended(&back).await;
    assert_eq!((back.status, bench.file().as_str()), (Status::Complete, FILE), "{}", back.error);
    assert_eq!((bench.runs("web").as_str(), bench.data().as_str()), ("1", "written by old"));
    let again = process.updated("web").await;
    assert_eq!(again.status, Status::Complete, "{}", again.error);
    // No registry has that any more: then the file is wrong.
    let before = bench.engine.world().starts;
    bench.engine.world().files.insert(PATH.to_owned(), FILE.replacen("app:1", "app:9", 1));
    let started = process.operations.fix_mismatch("web", false, "ada").await.unwrap();
    assert_eq!(process.ended(&started.id).await.status, Status::Complete);
    assert_eq!((bench.file(), bench.engine.world().starts), (FILE.replacen("app:1", "app:2", 1), before));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_during_an_update_waits_and_asked_for_twice_is_one() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    process.work();
    let update = process.update("web").await.unwrap().operation;
    process.staged(&update, "locking").await;
    let first = process.restart(web(), false).await.unwrap();
    let second = process.restart(web(), false).await.unwrap();
    assert_eq!((first.id.as_str(), second.status), (second.id.as_str(), Status::Queued));
    assert_ne!(process.restart(web(), true).await.unwrap().id, first.id, "force is more than that");
    let restart = Action::Restart { timeout: None };
    let wish = ByHand { action: restart, force: false, requested_by: "ada".to_owned() };
    let act = process.operations.act(&process.context, "web", &wish).await;
    assert!(matches!(act, Err(UpdateError::Busy { .. })), "by hand it is refused");
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&update).await.status, Status::Complete);
    let ended = process.ended(&first.id).await;
    assert_eq!((ended.status, bench.runs("web").as_str()), (Status::Complete, "2"));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_whoever_dies_during_a_restart_or_a_change_of_labels_everything_runs_and_fits() {
    for fault in [Fault::Updater, Fault::Agent, Fault::Engine] {
        for instants in (1..40).step_by(3) {
            let bench = Bench::new();
            bench.label("lone", "docksmith.restart-after", "web");
            let process = bench.process().await;
            process.work();
            bench.engine.arm(fault, instants);
            let both = async {
                drop(process.restart(web(), false).await);
                if let Ok(labelled) = process.label(&[("docksmith.ignore", Some("true"))], false).await {
                    process.ended(&labelled.operation).await;
                }
            };
            tokio::select! {
                () = both => {}
                () = bench.engine.blown.notified() => {}
            }
            process.stop().await;
            bench.engine.arm(Fault::Updater, usize::MAX);
            let process = bench.process().await;
            process.work();
            let filter = Filter { statuses: Status::ALL.to_vec(), limit: 100, ..Filter::default() };
            for operation in process.operations.list(&filter).await.unwrap().operations {
                assert!(process.ended(&operation.id).await.status.is_final());
            }
            let at = format!("{fault:?} after {instants}");
            // Of what the engine took down and nobody worked on, its restart policy decides.
            assert!(bench.is_up("web") || fault == Fault::Engine, "{at}");
            let is_labelled = bench.says("web", "docksmith.ignore").is_some();
            assert_eq!(bench.file().contains("docksmith.ignore=true"), is_labelled, "{at}");
            assert_eq!(bench.data(), "written by old", "{at}");
            process.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_6_a_follower_that_was_started_with_rm_is_still_there() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "web");
    bench.engine.world().containers.values_mut().find(|container| container.name == "lone").unwrap().auto_remove = true;
    let process = bench.process().await;
    process.work();
    let updated = process.updated("web").await;
    assert_eq!((updated.status, bench.runs("web").as_str()), (Status::Complete, "2"));
    assert_eq!(bench.runs("lone"), "1");
    let back = process.rollback(&updated.id, false).await.unwrap();
    assert_eq!(process.ended(&back).await.status, Status::Complete);
    assert_eq!((bench.runs("web").as_str(), bench.runs("lone").as_str()), ("1", "1"));
    process.stop().await;
}
