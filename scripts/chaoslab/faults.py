"""The faults: each breaks one thing (or two) for some seconds and puts it right again. Which when, is from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias

from chaoslab.site import Site

Wait: TypeAlias = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """`run` breaks it, waits `seconds` (drawn from the range `holds`), and mends it."""

    name: str
    title: str
    holds: tuple[float, float]
    run: Callable[[Site, Wait, float], None]
    needs_mounts: bool = False


def _daemon_killed(site: Site, wait: Wait, seconds: float) -> None:
    site.stop_daemon(kill=True)
    wait(seconds)
    site.start_daemon()


def _daemon_stopped(site: Site, wait: Wait, seconds: float) -> None:
    site.stop_daemon(kill=False)
    wait(seconds)
    site.start_daemon()


def _daemon_frozen(site: Site, wait: Wait, seconds: float) -> None:
    site.unlink(site.lab.daemon.freeze)
    wait(seconds)
    site.lab.daemon.thaw()


def _link_cut(site: Site, wait: Wait, seconds: float) -> None:
    site.unlink(site.proxy.cut)
    wait(seconds)


def _link_refused(site: Site, wait: Wait, seconds: float) -> None:
    site.unlink(site.proxy.refuse)
    wait(seconds)
    site.proxy.open()


def _link_frozen(site: Site, wait: Wait, seconds: float) -> None:
    site.unlink(site.proxy.freeze)
    wait(seconds)
    site.proxy.thaw()


def _store_locked(site: Site, wait: Wait, seconds: float) -> None:
    with closing(site.lock_store()):
        wait(seconds)


def _store_read_only(site: Site, wait: Wait, seconds: float) -> None:
    """A disk that came back read-only after a crash: the daemon starts on it, and it becomes writable under the running daemon."""
    site.stop_daemon(kill=True)
    site.disks["store"].read_only()
    site.start_daemon()
    wait(seconds)
    site.disks["store"].writable()


def _filled(name: str) -> Callable[[Site, Wait, float], None]:
    def run(site: Site, wait: Wait, seconds: float) -> None:
        site.fill(name)
        wait(seconds)
        site.free(name)

    return run


def _asterisk_killed(site: Site, wait: Wait, seconds: float) -> None:
    site.kill_asterisk()
    wait(seconds)
    site.start_asterisk()


def _asterisk_restarted(site: Site, wait: Wait, seconds: float) -> None:
    site.restart_asterisk()
    wait(seconds)


def _asterisk_frozen(site: Site, wait: Wait, seconds: float) -> None:
    site.freeze_asterisk()
    wait(seconds)
    site.thaw_asterisk()


def _power_cut(site: Site, wait: Wait, seconds: float) -> None:
    site.stop_daemon(kill=True)
    site.kill_asterisk()
    wait(seconds)
    site.start_asterisk()
    site.start_daemon()


def _asterisk_killed_unseen(site: Site, wait: Wait, seconds: float) -> None:
    site.stop_daemon(kill=True)
    wait(seconds)
    site.kill_asterisk()
    site.start_asterisk()
    wait(seconds)
    site.start_daemon()


FAULTS = (
    Fault("daemon-kill", "daemon killed with -9, started again", (1, 5), _daemon_killed),
    Fault("daemon-stop", "daemon stopped in order, started again", (0.5, 4), _daemon_stopped),
    Fault("daemon-freeze", "daemon stands still (SIGSTOP)", (4, 8), _daemon_frozen),
    Fault("ami-cut", "manager link reset", (2, 3), _link_cut),
    Fault("ami-refuse", "manager port refuses", (3, 6), _link_refused),
    Fault("ami-freeze", "manager link open and dead", (11, 14), _link_frozen),
    Fault("store-lock", "store locked by another program", (3, 9), _store_locked),
    Fault("store-read-only", "store read-only when the daemon starts", (4, 7), _store_read_only, needs_mounts=True),
    Fault("store-full", "store's disk full", (4, 8), _filled("store"), needs_mounts=True),
    Fault("spool-full", "Asterisk's spool full (journal, audio)", (4, 8), _filled("spool"), needs_mounts=True),
    Fault("recordings-full", "recordings' disk full", (4, 8), _filled("recordings"), needs_mounts=True),
    Fault("asterisk-kill", "Asterisk killed with -9, started again", (0.2, 2), _asterisk_killed),
    Fault("asterisk-restart", "Asterisk: core restart now", (1, 2), _asterisk_restarted),
    Fault("asterisk-freeze", "Asterisk stands still (SIGSTOP)", (2, 4), _asterisk_frozen),
    Fault("power-cut", "daemon and Asterisk killed together", (1, 2), _power_cut),
    Fault("asterisk-kill-unseen", "Asterisk killed while the daemon was dead", (1, 3), _asterisk_killed_unseen),
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault to come: it begins `pause` seconds after the one before it was mended, and lasts `seconds`."""

    fault: Fault
    pause: float
    seconds: float


def schedule(faults: Sequence[Fault], count: int, chance: random.Random) -> list[Strike]:
    """Every fault once in an order of the seed, then again in another, up to `count` strikes."""
    strikes: list[Strike] = []
    while len(strikes) < count:
        strikes += [
            Strike(fault, round(chance.uniform(1.5, 4), 1), round(chance.uniform(*fault.holds), 1))
            for fault in chance.sample(faults, len(faults))
        ]
    return strikes[:count]
