"""Reading the journal that Asterisk writes."""

from bridge.journal.reader import Batch, JournalCounters, JournalReader

__all__ = ["Batch", "JournalCounters", "JournalReader"]
