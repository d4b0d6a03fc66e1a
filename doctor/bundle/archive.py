"""The file of a bundle: a tar archive whose members are read by name and never extracted."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from ..errors import CannotCheckError
from ..facts import Event, Snapshot
from ..readings import Unreadable
from .contents import Contents, decode, encode

SNAPSHOT = "snapshot.json"
"""The member that the commands read. The others are the same facts for people."""
_LARGEST = 512 * 2**20
"""Bytes of the largest snapshot that is read: a larger member is no snapshot, but an attack."""


def write(file: Path, contents: Contents, mask_accounts: bool = False) -> int:
    """Write a bundle that only its owner may read, and return its size in bytes.

    Raises:
        CannotCheckError: When the file cannot be written.
    """
    data = packed(contents, mask_accounts)
    try:
        file.touch(mode=0o600)
        file.write_bytes(data)
    except OSError as error:
        raise CannotCheckError(f"{file}: {error.strerror}") from error
    return len(data)


def packed(contents: Contents, mask_accounts: bool = False) -> bytes:
    """Return the bytes of a bundle: the redacted facts, and once more for people."""
    document = encode(contents, mask_accounts)
    clean = decode(document, "bundle").snapshot
    return _archived({SNAPSHOT: document, **_texts(clean)}, clean.taken_at.timestamp())


def _archived(members: Mapping[str, bytes], modified: float) -> bytes:
    target = io.BytesIO()
    # Neither the name of the file nor the time of its writing: the same facts give the same bytes.
    with (
        gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), int(modified), 0o600
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def _texts(snapshot: Snapshot) -> dict[str, bytes]:
    """What people want to read: log, events, status and metrics, as far as they were read."""
    facts = snapshot.kubernetes
    logs = () if isinstance(facts.logs, Unreadable) else facts.logs
    events = () if isinstance(facts.events, Unreadable) else facts.events
    status = None if isinstance(facts.status, Unreadable) else facts.status
    metrics = None if isinstance(facts.metrics, Unreadable) else facts.metrics
    texts = {
        "log.txt": "".join(f"{line.at.isoformat() if line.at else '-'} {line.pod} {line.text}\n" for line in logs),
        "events.txt": "".join(map(_event, events)),
        "status.yaml": status.data.get("status", "") if status else "",
        "metrics.txt": metrics.page if metrics else "",
    }
    return {name: text.encode() for name, text in texts.items() if text}


def _event(event: Event) -> str:
    at = event.at.isoformat() if event.at else "-"
    return f"{at} {event.reason} {event.kind} {event.namespace}/{event.name}: {event.message}\n"


def read(file: Path) -> Contents:
    """Return what is in a bundle.

    Raises:
        CannotCheckError: When it cannot be read, is damaged, or has a newer format.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CannotCheckError(f"{file}: {error.strerror}") from error
    return unpacked(data, str(file))


def unpacked(data: bytes, where: str) -> Contents:
    """Return what is in the bytes of a bundle.

    Args:
        data: The archive.
        where: The file, for errors.

    Raises:
        CannotCheckError: When it is damaged, or has a newer format.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            member = archive.getmember(SNAPSHOT)
            opened = archive.extractfile(member) if member.isreg() and member.size <= _LARGEST else None
            text = opened.read() if opened else b""
    except KeyError:
        raise CannotCheckError(f"{where}: got an archive without {SNAPSHOT}; expected a bundle of ca-doctor") from None
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError) as error:
        raise CannotCheckError(
            f"{where}: got no sound tar.gz archive ({error}); expected a bundle of ca-doctor"
        ) from error
    return decode(text, where)
