"""Socket activation as systemd does it: descriptors from 3 on, named, meant for one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
from bridge.fastagi import inherited_sockets

CHILD = """
import os, socket
given = socket.create_server(("127.0.0.1", 0))
address = given.getsockname()
os.dup2(given.detach(), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="agi")
from bridge.fastagi import inherited_sockets
with inherited_sockets(os.environ)["agi"] as found:
    assert found.getsockname() == address
    assert not found.get_inheritable()
"""


def test_a_socket_passed_by_systemd():
    # in a process of its own: descriptor 3 is somebody else's here
    root = str(Path(bridge.__file__).parents[1])
    subprocess.run([sys.executable, "-c", CHILD], check=True, timeout=30, env={**os.environ, "PYTHONPATH": root})


@pytest.mark.parametrize("environ", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_FDS": "1"}])
def test_nothing_meant_for_us(environ):
    assert inherited_sockets(environ) == {}


def test_numbers_that_are_none():
    with pytest.raises(ValueError, match="invalid literal"):
        inherited_sockets({"LISTEN_PID": "7", "LISTEN_FDS": "many"}, pid=7)
