"""An AMI login by pyst2, which shares no code with the daemon's client: ``python -m bridge.doctor.second_look HOST PORT USER``.

The secret comes on standard input; what Asterisk calls itself goes to standard output. A process of its own, because pyst2 starts
threads that may never end.
"""

from __future__ import annotations

import sys
import warnings


def main() -> int:
    warnings.simplefilter("ignore")  # pyst2 is older than the names it uses
    from asterisk.manager import Manager, ManagerException

    host, port, user = sys.argv[1:4]
    secret = sys.stdin.readline().rstrip("\n")
    manager = Manager()
    try:
        manager.connect(host, int(port))
        manager.login(user, secret)
        answer = manager.ping()
    except (ManagerException, OSError) as error:
        sys.stdout.write(f"{type(error).__name__}: {error}".replace(secret, "***"))
        return 1
    sys.stdout.write(f"{manager.title}/{manager.version} {answer.get_header('Response')}")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    import os

    os._exit(code)  # past pyst2's threads
