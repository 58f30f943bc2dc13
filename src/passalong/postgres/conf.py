"""The embedded server's configuration, written anew at every start so that an upgrade reaches old folders."""

from collections.abc import Mapping
from pathlib import Path

SETTINGS = {
    # Reached by the socket only: no port to guard, and the socket's mode is the door.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    # Parallel plans need /dev/shm, which containers keep small, and buy nothing on a few cores.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "16",
    # What is committed survives a power cut; nobody replicates from an embedded server.
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "iso, mdy",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.simple",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}

HOST_RULES = "local all all trust\nhost all all all reject\n"


def write(cluster: Path, socket_folder: Path, overrides: Mapping[str, str]) -> None:
    """Write `postgresql.conf` and `pg_hba.conf` of a cluster that is not running."""
    values = {**SETTINGS, "unix_socket_directories": str(socket_folder), **overrides}
    lines = [f"{name} = {_quoted(value)}\n" for name, value in values.items()]
    (cluster / "postgresql.conf").write_text("# Written by Passalong at every start.\n" + "".join(lines))
    (cluster / "pg_hba.conf").write_text(HOST_RULES)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
