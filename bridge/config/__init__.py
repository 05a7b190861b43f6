"""bridge.yaml: read strictly, checked whole, turned into what the daemon needs."""

from bridge.config.loader import Loaded, load
from bridge.config.models import Config
from bridge.config.problems import ConfigError, Problem

__all__ = ["Config", "ConfigError", "Loaded", "Problem", "load"]
