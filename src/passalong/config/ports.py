"""Asks whether an address can be served, before anything is started for it."""

import errno
import socket

from passalong.core.problems import Problem


def require_free(host: str, port: int) -> None:
    """Problem with a next step unless we could listen there now."""
    try:
        _bind(host, port)
    except OSError as error:
        raise _problem(host, port, error) from error


def is_free(host: str, port: int) -> bool:
    """Whether we could listen there now."""
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # Without it a connection of the last minute would count as busy. The web server itself listens in a
        # way that lets a second one share the port, so it would never tell.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _problem(host: str, port: int, error: OSError) -> Problem:
    title = "The address cannot be used"
    if error.errno == errno.EADDRINUSE:
        next_step = "Stop the program that uses it, or choose another port with --port."
        return Problem(503, "port_in_use", title, f"Port {port} on {host} is in use.", next_step)
    if error.errno == errno.EACCES:
        next_step = "Choose a port above 1023 with --port, and put a web server in front."
        return Problem(503, "port_forbidden", title, f"Port {port} needs more rights.", next_step)
    next_step = "Give an address of this machine with --host, such as 127.0.0.1 or 0.0.0.0."
    return Problem(
        503, "address_unusable", title, f"{host}:{port} cannot be listened on: {error}.", next_step
    )
