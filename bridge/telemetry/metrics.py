"""Prometheus metrics: read, at the scrape, from the counters that the parts keep anyway."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
NAMESPACE = "callbridge"

#: Gives a value, None for none now, or a value for each value of a label.
Reading: TypeAlias = Callable[[], float | Mapping[str, float] | None]


@dataclass(frozen=True, slots=True)
class _Group:
    prefix: str
    read: Callable[[], Any]
    help: Mapping[str, str]
    gauges: Collection[str]


@dataclass(frozen=True, slots=True)
class _Single:
    name: str
    help: str
    read: Reading
    counts: bool
    label: str | None


class Metrics:
    """All metrics of one daemon, in a registry of its own. Names begin with ``callbridge_``; counters end in ``_total``."""

    def __init__(self, version: str = "") -> None:
        self.registry = CollectorRegistry()
        self._collector = _Parts()
        self.registry.register(self._collector)
        ProcessCollector(namespace=NAMESPACE, registry=self.registry)
        about = {"version": version, "python": platform.python_version()}
        self._collector.info = ("build_info", "The program that runs.", about)

    def group(
        self, prefix: str, read: Callable[[], Any], help: Mapping[str, str], gauges: Collection[str] = ()
    ) -> None:
        """A metric for each field of the dataclass that `read()` returns: ``callbridge_<prefix>_<field>_total``.

        `help` has a text for every field; fields named in `gauges` may fall and have no ``_total``. Raises ValueError where `help` and
        the fields differ, so that a new counter cannot be forgotten.
        """
        names = {f.name for f in fields(read())}
        if names != set(help) or not set(gauges) <= names:
            raise ValueError(f"metrics {prefix}: help for {sorted(help)}, fields {sorted(names)}")
        self._collector.groups.append(_Group(prefix, read, help, gauges))

    def gauge(self, name: str, help: str, read: Reading, label: str | None = None) -> None:
        """``callbridge_<name>``: what `read()` says at the scrape; None leaves it out. With `label`, a value for each value of the label."""
        self._collector.singles.append(_Single(name, help, read, False, label))

    def counter(self, name: str, help: str, read: Reading, label: str | None = None) -> None:
        """As `gauge`, for what only grows: ``callbridge_<name>_total``."""
        self._collector.singles.append(_Single(name, help, read, True, label))

    def text(self) -> bytes:
        """The exposition, of type CONTENT_TYPE."""
        return generate_latest(self.registry)


class _Parts(Collector):
    def __init__(self) -> None:
        self.groups: list[_Group] = []
        self.singles: list[_Single] = []
        self.info: tuple[str, str, dict[str, str]] | None = None
        self._errors = 0

    def describe(self) -> list[Metric]:
        return []  # the parts need not exist yet when the registry asks for names

    def collect(self) -> Iterator[Metric]:
        for group in self.groups:
            yield from self._of_group(group)
        for single in self.singles:
            yield from self._of_single(single)
        if self.info is not None:
            name, help, about = self.info
            family = GaugeMetricFamily(f"{NAMESPACE}_{name}", help, labels=list(about))
            family.add_metric(list(about.values()), 1)
            yield family
        yield CounterMetricFamily(
            f"{NAMESPACE}_metrics_errors", "Metrics that could not be read at a scrape.", value=self._errors
        )

    def _of_group(self, group: _Group) -> Iterator[Metric]:
        try:
            values = group.read()
            read = {name: float(getattr(values, name)) for name in group.help}
        except Exception:  # noqa: BLE001 - one part that fails must not take the others' metrics with it
            self._failed(group.prefix)
            return
        for name, value in read.items():
            family = GaugeMetricFamily if name in group.gauges else CounterMetricFamily
            yield family(f"{NAMESPACE}_{group.prefix}_{name}", group.help[name], value=value)

    def _of_single(self, single: _Single) -> Iterator[Metric]:
        kind = CounterMetricFamily if single.counts else GaugeMetricFamily
        name = f"{NAMESPACE}_{single.name}"
        try:
            value = single.read()
            if value is None:
                return
            if isinstance(value, Mapping):
                family = kind(name, single.help, labels=[single.label or "name"])
                for key, number in value.items():
                    family.add_metric([key], float(number))
            else:
                family = kind(name, single.help, value=float(value))
        except Exception:  # noqa: BLE001 - as above
            self._failed(single.name)
            return
        yield family

    def _failed(self, name: str) -> None:
        self._errors += 1
        if self._errors == 1:
            log.exception("metrics of %s cannot be read (said once)", name)
