//! Shapes that several routes answer with.

/// Names and worked examples.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    ("Discovery", DISCOVERY),
    ("ContainerInfo", CONTAINER_INFO),
    ("Operation", OPERATION),
    ("ExplorerContainer", EXPLORER_CONTAINER),
    ("Image", IMAGE),
    ("Network", NETWORK),
    ("Volume", VOLUME),
    ("ContainerInspect", CONTAINER_INSPECT),
];

const DISCOVERY: &str = r##"{
    "containers?": ["#ContainerInfo"],
    "stacks?": {"<stack>": {"name": "shop", "containers": ["#ContainerInfo"], "has_updates": true, "all_updatable": false, "update_priority?": "minor"}},
    "standalone_containers?": ["#ContainerInfo"], "update_order?": ["db", "web"],
    "total_checked": 2, "total": 2, "updates_found": 1, "updates_available": 1, "up_to_date": 1, "local_images": 0,
    "failed": 0, "ignored": 0, "last_cache_refresh?": "2026-07-23T09:46:40.123Z",
    "last_background_run?": "2026-07-23T09:46:40.123Z", "checking?": true, "next_check?": "2026-07-23T10:46:40.123Z",
    "check_interval?": "1h0m0s", "cache_ttl?": "1h0m0s", "error?": "the engine is away"
}"##;

const CONTAINER_INFO: &str = r#"{
    "container_name": "web", "name": "web", "image": "nginx:1.26.3", "id": "4f2a", "current_tag?": "1.26.3",
    "current_version?": "1.26.3", "current_suffix?": "-alpine", "latest_version?": "1.27.0",
    "latest_resolved_version?": "1.27.0", "current_digest?": "sha256:0f3c", "latest_digest?": "sha256:77de",
    "available_tags?": ["1.27.0"], "change_type": 2, "status": "UPDATE_AVAILABLE", "update_available": true, "error?": "",
    "is_local": false, "using_latest_tag": false, "pre_update_check?": "check.sh", "pre_update_check_pass": true,
    "pre_update_check_fail?": "", "recommended_tag?": "1.27.0", "health_status?": "healthy", "compose_image?": "nginx:1.26.3",
    "env_controlled?": true, "env_var_name?": "NGINX_TAG", "note?": "", "stack?": "shop", "service?": "web",
    "dependencies?": ["db"], "labels?": {"<label>": "value"}, "compose_labels?": {"<label>": "value"},
    "labels_out_of_sync?": true, "running": true, "checked_at?": "2026-07-23T09:46:40.123Z"
}"#;

const OPERATION: &str = r#"{
    "id": 42, "operation_id": "0b7e", "container_id": "4f2a", "container_name": "web", "stack_name?": "shop",
    "operation_type": "single", "status": "complete", "old_version?": "1.26.3", "new_version": "1.27.0",
    "started_at?": "2026-07-23T09:46:40.123Z", "completed_at?": "2026-07-23T09:47:12.000Z", "error_message?": "",
    "dependents_affected": [], "rollback_occurred": false,
    "batch_details": [{"container_name": "web", "stack_name?": "shop", "old_version": "1.26.3", "new_version": "1.27.0", "change_type": 2, "old_resolved_version?": "1.26.3", "new_resolved_version?": "1.27.0", "old_digest?": "sha256:0f3c", "status?": "complete", "message?": ""}],
    "batch_group_id?": "5d41", "created_at?": "2026-07-23T09:46:40.123Z", "updated_at?": "2026-07-23T09:47:12.000Z",
    "stage?": "done", "percent": 100, "requested_by?": "admin", "rollback_of?": "0b7e"
}"#;

const EXPLORER_CONTAINER: &str = r#"{
    "id": "4f2a", "name": "web", "image": "nginx:1.27.0", "state": "running", "health_status": "healthy",
    "stack?": "shop", "created": 1753264000, "networks": ["shop_default"], "is_own": false
}"#;

const IMAGE: &str = r#"{
    "id": "sha256:0f3c", "tags": ["nginx:1.27.0"], "size": 73400320, "created": 1753264000, "in_use": true,
    "dangling": false, "kept": false
}"#;

const NETWORK: &str = r#"{
    "id": "9b1c", "name": "shop_default", "driver": "bridge", "scope": "local", "containers": ["web"],
    "is_default": false, "created": 1753264000
}"#;

const VOLUME: &str = r#"{
    "name": "data", "driver": "local", "mount_point": "/var/lib/docker/volumes/data/_data", "containers": ["db"],
    "size": 1048576, "created": 1753264000, "kept": false
}"#;

const CONTAINER_INSPECT: &str = r#"{
    "id": "4f2a", "name": "web", "image": "nginx:1.27.0", "created": "2026-07-23T09:46:40Z",
    "state": {"status": "running", "running": true, "paused": false, "restarting": false, "oom_killed": false, "dead": false, "pid": 4711, "exit_code": 0, "error": "", "started_at": "2026-07-23T09:46:40Z", "finished_at": "", "health?": "healthy"},
    "config": {"hostname": "web", "user": "", "env": ["PATH=/usr/bin", "PASSWORD=********"], "cmd": ["nginx"], "entrypoint": ["/docker-entrypoint.sh"], "working_dir": "", "exposed_ports": {"<port>": true}, "labels": {"<label>": "value"}},
    "network_settings": {"ip_address": "172.18.0.2", "gateway": "172.18.0.1", "mac_address": "02:42:ac:12:00:02", "ports": {"<port>": [{"host_ip": "0.0.0.0", "host_port": "8080"}]}, "networks": {"<network>": {"network_id": "9b1c", "endpoint_id": "c0ff", "gateway": "172.18.0.1", "ip_address": "172.18.0.2", "mac_address": "02:42:ac:12:00:02", "aliases": ["web"]}}},
    "mounts": [{"type": "volume", "source": "data", "destination": "/data", "mode": "z", "rw": true}],
    "host_config": {"binds": ["data:/data"], "network_mode": "shop_default", "restart_policy": {"name": "always", "maximum_retry_count": 0}, "port_bindings": {"<port>": [{"host_ip": "", "host_port": "8080"}]}, "memory": 0, "memory_swap": 0, "cpu_shares": 0, "cpu_period": 0, "cpu_quota": 0, "privileged": false, "readonly_rootfs": false},
    "labels": {"<label>": "value"}
}"#;
