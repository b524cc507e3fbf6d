"""Bytes by name at an address: a folder or anything that fsspec reaches. A name holds all or none.

On a local disk bytes are written aside and renamed, so that a process that is killed leaves no
half of a file. Object stores put whole objects by themselves.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from model.errors import InputError

ASIDE = ".partial-"  # begins the names of files being written
ALLOWED = "a folder, or an address that fsspec knows such as s3://bucket/name"


class StorageError(OSError):
    """Bytes could not be read or written; told in plain words."""


class Objects:
    """What lies under ``url``. Raises InputError for an address of no known kind.

    ``url``: as given, a local one made absolute. ``local``: its folder, where it is one.
    """

    def __init__(self, url: str, key: str = "--out") -> None:
        import fsspec
        from fsspec.core import url_to_fs

        options: dict[str, Any] = {}
        if url.startswith(("s3://", "s3a://")):
            options = {"use_listings_cache": False}
        try:
            self._fs, self._path = url_to_fs(url, **options)
        except ImportError as error:
            extra = "pip install 'drugfutures[s3]'" if url.startswith("s3") else str(error)
            raise InputError(
                f"a package is missing for addresses of this kind ({extra})", key=key, given=url
            ) from None
        except (ValueError, TypeError) as error:
            reason = "no address of a known kind" + (f" ({error})" if "://" in url else "")
            raise InputError(reason, key=key, given=url, allowed=ALLOWED) from None
        is_local = isinstance(self._fs, fsspec.get_filesystem_class("file"))
        self.local: Path | None = Path(self._path) if is_local else None
        self.url = str(self.local) if self.local is not None else url.rstrip("/")

    @property
    def shared(self) -> bool:
        """Whether other processes see the same."""
        return not self.url.startswith("memory:")

    def beside(self, suffix: str) -> Objects:
        """The address of the same name with ``suffix``. Raises InputError as for any address."""
        return Objects(self.url + suffix)

    def get(self, name: str) -> bytes | None:
        """The bytes of a name, or None. Raises StorageError."""
        try:
            if self.local is not None:
                return (self.local / name).read_bytes()
            return bytes(self._fs.cat_file(f"{self._path}/{name}"))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except Exception as error:  # each file system has errors of its own
            raise StorageError(f"{name} cannot be read ({_reason(error)})") from error

    def put(self, name: str, data: bytes) -> None:
        """Write the bytes of a name, all or none. Raises StorageError."""
        try:
            if self.local is None:
                self._fs.pipe_file(f"{self._path}/{name}", data)
            else:
                _replace(self.local / name, data)
        except Exception as error:
            raise StorageError(f"{name} cannot be written ({_reason(error)})") from error

    def delete(self, name: str) -> None:
        """Remove a name, if it is there. Raises StorageError."""
        try:
            if self.local is not None:
                (self.local / name).unlink(missing_ok=True)
            else:
                self._fs.rm_file(f"{self._path}/{name}")
        except FileNotFoundError:
            pass
        except Exception as error:
            raise StorageError(f"{name} cannot be removed ({_reason(error)})") from error

    def sizes(self) -> dict[str, int]:
        """Every name and its number of bytes, sorted. Raises StorageError."""
        try:
            if self.local is not None:
                return dict(sorted(_walk(self.local, "")))
            self._fs.invalidate_cache()
            found = self._fs.find(self._path, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise StorageError(f"{self.url} cannot be listed ({_reason(error)})") from error
        # A name without its own protocol, as find gives it, begins with the path without a slash.
        skip = len(self._fs._strip_protocol(self._path).rstrip("/")) + 1
        return {name[skip:]: int(told["size"] or 0) for name, told in sorted(found.items())}

    def tidy(self, names: Iterable[str]) -> None:
        """Remove what killed processes left half written. Raises StorageError."""
        for name in names:
            if name.rpartition("/")[2].startswith(ASIDE):
                self.delete(name)


def _walk(folder: Path, prefix: str) -> Iterable[tuple[str, int]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        else:
            try:
                yield prefix + entry.name, entry.stat().st_size
            except FileNotFoundError:  # renamed by its writer meanwhile
                continue


def _replace(path: Path, data: bytes) -> None:
    for last in (False, True):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.parent / f"{ASIDE}{uuid.uuid4().hex}"
        try:
            aside.write_bytes(data)
            aside.replace(path)
            return
        except FileNotFoundError:  # a driver that starts removes what looks left over
            if last:
                raise
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
