"""The kinds of value that bridge.yaml is made of: durations, names, phones, addresses, files, secrets."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from bridge.config.problems import shown
from bridge.core.plan import clean_text, is_device, is_name

DURATION = r"([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?"
_DURATION = re.compile(DURATION, re.ASCII)
_SAFE_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,195}", re.ASCII)
_LANGUAGE = r"[a-z]{2,3}([_-][A-Za-z]{2,4})?"


class Model(BaseModel):
    """Strict and immutable: an unknown key is an error, plain integers are accepted where text is meant."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


def read_duration(text: object) -> int:
    """``10s``, ``2m``, ``1h30m`` as seconds. Raises ValueError with the grammar."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if found is None:
        raise ValueError(f"{shown(text)} is not a duration: write it like `40s`, `2m` or `1h30m`")
    hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def duration_text(seconds: int) -> str:
    """The shortest writing that `read_duration` reads back: 5400 is ``1h30m``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"


def _name(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not is_name(text):
        raise ValueError(f"{shown(value)} cannot be a name: use small latin letters, digits, `-` and `_` (at most 64)")
    return text


def _device(value: object) -> str:
    if not isinstance(value, str) or not is_device(value):
        raise ValueError(f"{shown(value)} is not a phone Asterisk can dial: write it like `PJSIP/101`")
    return value


def _display(value: object) -> str:
    text = str(value).strip() if isinstance(value, str) or type(value) is int else None
    if text is None or text != clean_text(text):
        raise ValueError(
            f"{shown(value)} cannot be shown on a phone: letters, digits, spaces and `. : / + № -` may be used, at most 40 in all"
        )
    return text


def _number(value: object) -> str:
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"expected a telephone number, found {shown(value)}")  # noqa: TRY004 - pydantic reports ValueError
    return value


def _file(value: object, info: ValidationInfo) -> Path:
    """Relative to the folder of bridge.yaml, which the loader passes as context."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError(f"expected the path of a file or folder, found {shown(value)}")
    folder = (info.context or {}).get("folder")
    return Path(os.path.normpath(Path(folder or "") / value))


def _sound_file(value: object, info: ValidationInfo) -> Path:
    path = _file(value, info)
    if path.suffix not in (".wav", ".wav16"):
        raise ValueError(
            f"{shown(value)} is not a telephone sound: a `.wav` (8 kHz) or `.wav16` (16 kHz) file is needed"
        )
    return _safe(path)


def _sound_folder(value: object, info: ValidationInfo) -> Path:
    return _safe(_file(value, info))


def _safe(path: Path) -> Path:
    """Such a path goes into the dialplan."""
    if path.is_absolute() and not _SAFE_PATH.fullmatch(str(path)):
        raise ValueError(
            f"{shown(str(path))} cannot be handed to Asterisk: the whole path may hold only latin letters, digits and"
            " `_ . / -`, at most 195 in all"
        )
    return path


def _sound_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_/-]{1,100}", value, re.ASCII):
        raise ValueError(
            f"{shown(value)} is not the name of an Asterisk sound: write it like `ss-noservice`, without extension"
        )
    return value


def _language(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_LANGUAGE, value, re.ASCII):
        raise ValueError(f"{shown(value)} is not a language: write it like `en`, `ru` or `en_GB`")
    return value


def _text_schema(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


Seconds: TypeAlias = Annotated[int, PlainValidator(read_duration), _text_schema(pattern=f"^{DURATION}$")]
Name: TypeAlias = Annotated[str, PlainValidator(_name), _text_schema(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
Device: TypeAlias = Annotated[str, PlainValidator(_device), _text_schema()]
Display: TypeAlias = Annotated[str, PlainValidator(_display), _text_schema(maxLength=40)]
PhoneNumber: TypeAlias = Annotated[str, PlainValidator(_number), WithJsonSchema({"type": ["string", "integer"]})]
FilePath: TypeAlias = Annotated[Path, PlainValidator(_file), _text_schema()]
SoundFile: TypeAlias = Annotated[Path, PlainValidator(_sound_file), _text_schema(pattern=r"\.wav(16)?$")]
SoundFolder: TypeAlias = Annotated[Path, PlainValidator(_sound_folder), _text_schema()]
SoundName: TypeAlias = Annotated[str, PlainValidator(_sound_name), _text_schema()]
Language: TypeAlias = Annotated[str, PlainValidator(_language), _text_schema(pattern=f"^{_LANGUAGE}$")]
Switch: TypeAlias = StrictBool


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on or connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether nobody outside this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", str(value), re.ASCII)
    if not isinstance(value, str) or found is None or not 0 <= int(found[3]) <= 65535:
        raise ValueError(f"{shown(value)} is not an address: write it like `127.0.0.1:4573`")
    return Address(found[1] or found[2], int(found[3]))


def _ip(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise ValueError(f"{shown(value)} is not an IP address") from None


Listen: TypeAlias = Annotated[Address, PlainValidator(_address), PlainSerializer(str), _text_schema()]
IpAddress: TypeAlias = Annotated[str, PlainValidator(_ip), _text_schema()]


class Secret(Model):
    """A password that stands in a file or in the environment, never in bridge.yaml. Its value is never printed."""

    file: FilePath | None = Field(
        None,
        description="File that holds the secret alone; others may not read it (`chmod 600`).",
        examples=["/etc/callbridge/ami.secret"],
    )
    env: str | None = Field(
        None, description="Environment variable that holds the secret.", examples=["BRIDGE_AMI_SECRET"]
    )

    _value: str | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _not_in_the_open(cls, value: Any) -> Any:
        if not isinstance(value, dict | Secret):
            raise ValueError(  # noqa: TRY004 - pydantic reports ValueError as the owner's mistake
                "a secret does not stand in this file: write `{file: /path/of/a/file}` or `{env: NAME}`"
            )
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("expected one of `file` and `env`")
        return self

    @property
    def value(self) -> str:
        """The secret itself. Raises ValueError if it has not been read (`load` reads it)."""
        if self._value is None:
            raise ValueError("this secret has not been read")
        return self._value

    def read(self, env: Mapping[str, str]) -> None:
        """Reads the secret, once, at load. Raises ValueError in words for the owner; they do not hold the secret."""
        if self.file is not None:
            text, where = _secret_of_file(self.file), f"the file {self.file}"
        else:
            where = f"the environment variable {self.env}"
            found = env.get(self.env or "")
            if found is None:
                raise ValueError(f"{where} is not set")
            text = found
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise ValueError(f"{where} is empty")
        if any(ord(c) < 32 or ord(c) == 127 for c in text):
            raise ValueError(f"{where} holds a line break or another control character")
        self._value = text


def _secret_of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                raise ValueError(f"everybody on this machine may read {path}: run `chmod o-rwx {path}`")
            return file.read(4096).decode()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {(error.strerror or 'error').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


class Speech(Model):
    """Something said to somebody on the phone."""

    file: SoundFile | None = Field(
        None,
        description="Sound file: PCM 16 bit mono, `.wav` at 8 kHz or `.wav16` at 16 kHz. A relative path begins at bridge.yaml.",
        examples=["/var/lib/callbridge/sounds/closed.wav"],
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="What is said; the sound file is made from it.",
        examples=["We are closed."],
    )
    sound: SoundName | None = Field(
        None, description="A sound that Asterisk brings itself, without extension.", examples=["ss-noservice"]
    )
    language: Language | None = Field(
        None, description="Language of `text`; as `language` above if not given.", examples=["ru"]
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.file is None and self.text is None and self.sound is None:
            raise ValueError("expected one of `file`, `text` and `sound`")
        if self.sound is not None and (self.file is not None or self.text is not None):
            raise ValueError("`sound` goes alone, without `file` and `text`")
        return self


NoticeName: TypeAlias = Annotated[str, PlainValidator(_name), _text_schema(description="A notice's name, or `none`.")]
