"""Public keys and key groups as a world file writes them: whose signatures open a behaviour (spec §10.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from edgesim.core.signed_keys import public_key
from edgesim.errors import ConfigError
from edgesim.world.documents import Document
from edgesim.world.fields import Model, conflict, mistake, show

LARGEST_PEM = 64_000
"""Bytes of a key's file."""

_ID = r"^K[A-Z0-9]{13}$"


def _pem(text: str) -> str:
    try:
        public_key(text)
    except ValueError as error:
        hint = "From a private key: openssl pkey -in private.pem -pubout -out public.pem"
        raise mistake(str(error), "a public key in PEM: RSA with 2,048 bits, or ECDSA on prime256v1", hint) from None
    return text


class PublicKeyEntry(Model):
    """A public key: in the world file itself, or in a file of its own."""

    pem: Annotated[str, AfterValidator(_pem)] | None = Field(
        default=None, description="The key in PEM: RSA with 2,048 bits, or ECDSA on prime256v1."
    )
    file: str | None = Field(default=None, description="The PEM file it is read from when the world starts.")
    id: str | None = Field(
        default=None,
        pattern=_ID,
        description="K and 13 characters, the Key-Pair-Id of what is signed; made from the name unless set.",
    )

    @model_validator(mode="after")
    def _one_source(self, info: ValidationInfo) -> PublicKeyEntry:
        if (self.pem is None) == (self.file is None):
            conflict(info, "both `pem` and `file`" if self.pem else "neither `pem` nor `file`", "one of them")
        return self


KeyGroup = Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
"""Names of public keys (spec §10.1: at most five)."""


def read_key_files(document: Document) -> Iterator[ConfigError]:
    """Put what the files of public keys hold into the document, which from then on needs no other file."""
    keys = document.data.get("public_keys") if isinstance(document.data, dict) else None
    for name, entry in keys.items() if isinstance(keys, dict) else ():
        if not isinstance(entry, dict) or "pem" in entry or not isinstance(entry.get("file"), str):
            continue
        path = Path(document.file).parent / str(entry["file"])
        try:
            with path.open("rb") as file:
                entry["pem"] = file.read(LARGEST_PEM).decode("ascii")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a text file"
            found = f"{show(entry['file'])}: {why}"
            hint = "Names of files are relative to the world file"
            yield document.mistake(("public_keys", name, "file"), found, "a file with a public key in PEM", hint)
            continue
        del entry["file"]
