"""What a person typed and cannot be: in English, with its values apart, so that pages say it in his language."""

from __future__ import annotations


class WrongError(ValueError):
    """`text` has ``%(names)s`` of `values`."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values)
        self.text = text
        self.values = values
