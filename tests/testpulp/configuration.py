"""What Pulp's processes are told: the settings file, and where each of them listens."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Addresses:
    """The origins (scheme, host and port) of the API and of the content app."""

    api: str
    content: str


# Neither asks who reads the Galaxy API; Pulp's own API goes on asking.
_ANONYMOUS: dict[str, object] = {"ANSIBLE_AUTHENTICATION_CLASSES": [], "ANSIBLE_PERMISSION_CLASSES": []}


def write_settings(folder: Path, database: str, addresses: Addresses, *, is_anonymous: bool = False) -> Path:
    """Write settings.py and all that it names into `folder`; returns its path, for $PULP_SETTINGS.

    `database` is a URI by a socket's folder. Caches, and with them redis, are off, as they are by default. With
    `is_anonymous` everybody may read the Galaxy API.
    """
    key = folder / "database_fields.key"
    key.write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    for name in ("media", "tmp", "assets"):
        (folder / name).mkdir()
    settings: dict[str, object] = {
        "SECRET_KEY": secrets.token_hex(32),
        "DB_ENCRYPTION_KEY": str(key),
        "DATABASES": {"default": _database(database)},
        "DEPLOY_ROOT": str(folder),
        "MEDIA_ROOT": str(folder / "media"),
        "WORKING_DIRECTORY": str(folder / "tmp"),
        "FILE_UPLOAD_TEMP_DIR": str(folder / "tmp"),
        "STATIC_ROOT": str(folder / "assets"),
        "CONTENT_ORIGIN": addresses.content,
        "ANSIBLE_API_HOSTNAME": addresses.api,
        "ANSIBLE_CONTENT_HOSTNAME": f"{addresses.content}/pulp/content",
        "CACHE_ENABLED": False,
        "ANALYTICS": False,  # it would tell its makers of every test
        # By default each request with a password takes a third of a second of a processor. Nothing else is changed.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        **(_ANONYMOUS if is_anonymous else {}),
    }
    path = folder / "settings.py"
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    return path


def _database(uri: str) -> dict[str, object]:
    parts = urlsplit(uri)
    places = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "HOST": places["host"][0],
        "PORT": places["port"][0],
    }


def environment(settings: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of Pulp's processes: nobody's own Pulp, Django, Python path, proxy or PostgreSQL."""
    kept_out = ("PULP", "DJANGO", "PYTHON", "PG")
    inherited = {
        name: value
        for name, value in (os.environ if given is None else given).items()
        if not name.startswith(kept_out) and not name.lower().endswith("_proxy")
    }
    return {**inherited, "PULP_SETTINGS": str(settings)}
