#!/usr/bin/env python3
"""A fallback line per number, for the time when the bridge's daemon is away: an AGI script that needs nothing but Python and pyst2.

Without it every call rings BRIDGE_FALLBACK then. With it, copied into Asterisk's agi-bin and called before `Goto(bridge-inbound,...)` in the
trunk's context, BRIDGE_FALLBACK is set for this call to what the file says, at the price of starting Python for every call (about 0.1 s):

    same => n,AGI(fallback.py,/etc/asterisk/bridge-fallback.json,${FILTER(0-9,${EXTEN})})

The file is JSON, or INI by its ending:

    {"numbers": {"+74951234567": "PJSIP/sales&PJSIP/anna"}, "default": "PJSIP/company"}

    [numbers]                                   # .ini or .conf
    +74951234567 = PJSIP/sales&PJSIP/anna
    default = PJSIP/company

Only whole dial strings of this shape are taken; a file with any other is refused as a whole, and the variable stays as it was.
Exit status 0: the variable is set; 1: it is not, with the reason as a message on Asterisk's console.
"""

import configparser
import json
import os
import re
import signal
import sys

from asterisk.agi import AGI, AGIException

SECONDS = 2
DEVICE = r"(PJSIP|SIP|IAX2|Local|DAHDI)/[A-Za-z0-9_.+@/-]{1,100}"
DIAL_STRING = re.compile(DEVICE + r"(&" + DEVICE + r"){0,9}", re.ASCII)


class StrictAgi(AGI):
    """pyst2's AGI, quoting as Asterisk reads it: pyst2 itself lets a quote or a line break in a value become a command."""

    def _quote(self, value):
        text = str(value)
        if re.search(r"[\r\n\0]", text):
            raise ValueError("a line break in an AGI argument")
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_lines(path):
    """Number (digits only) -> dial string, and the default or None. Raises OSError, ValueError."""
    if path.endswith((".ini", ".conf")):
        parser = configparser.ConfigParser(delimiters="=", interpolation=None, inline_comment_prefixes="#")
        parser.optionxform = str
        with open(path, encoding="utf-8") as file:
            try:
                parser.read_file(file)
                numbers = dict(parser["numbers"])
            except (configparser.Error, KeyError) as error:
                raise ValueError(str(error)) from error
        default = numbers.pop("default", None)
    else:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if not isinstance(found, dict) or not isinstance(found.get("numbers", {}), dict):
            raise ValueError("it must hold numbers and a default")
        numbers, default = found.get("numbers", {}), found.get("default")
    for dial_string in [*numbers.values(), *([] if default is None else [default])]:
        if not isinstance(dial_string, str) or DIAL_STRING.fullmatch(dial_string) is None:
            raise ValueError(f"not a dial string: {dial_string!r}")
    return {digits(number): dial_string for number, dial_string in numbers.items()}, default


def digits(text):
    return re.sub(r"[^0-9]", "", text)


def main(argv):
    signal.alarm(SECONDS)  # whatever Asterisk does or does not say, the caller does not wait longer
    sys.stdin.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # pyst2 writes every caller's number to stderr
        try:
            agi = StrictAgi(sys.stdin, sys.stdout, nowhere)
            if len(argv) < 2:
                raise ValueError("usage: AGI(fallback.py,FILE,NUMBER)")
            numbers, default = read_lines(argv[1])
            number = argv[2] if len(argv) > 2 else agi.env.get("agi_extension", "")
            dial_string = numbers.get(digits(number), default)
            if dial_string is None:
                return 1
            agi.set_variable("BRIDGE_FALLBACK", dial_string)
        except (AGIException, OSError, ValueError) as error:
            print(f"fallback.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
