"""The uploaded bytes in the database: in pieces, so that any worker reads them a little at a time."""

import io
from typing import BinaryIO
from uuid import UUID

from django.db import connection

from passalong.referrers.imports.models import ImportPart

PIECE = 256 * 1024


def keep(upload_id: UUID, stream: BinaryIO) -> None:
    """Store all of a file."""
    stream.seek(0)
    position = 0
    while data := stream.read(PIECE):
        ImportPart.objects.create(upload_id=upload_id, position=position, data=data)
        position += 1


def drop(upload_id: UUID) -> None:
    """Forget the file."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM referrers_importpart WHERE upload_id = %s", (upload_id,))


def stored(upload_id: UUID) -> BinaryIO:
    """The file as a stream that holds one piece at a time."""
    return io.BufferedReader(_Pieces(upload_id))


class _Pieces(io.RawIOBase):
    def __init__(self, upload_id: UUID) -> None:
        self._upload_id = upload_id
        self._position = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(self._next())
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes:
        parts = ImportPart.objects.filter(upload_id=self._upload_id, position=self._position)
        data = parts.values_list("data", flat=True).first()
        self._position += 1
        return b"" if data is None else bytes(data)
