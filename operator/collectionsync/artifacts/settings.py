"""The settings of a store: which there are, by obstore's own names, and what they mean together.

A Secret may spell them in capitals, as environment variables are, and with or without the prefix of their store. What
is not known is refused: a key that is misspelt would else be found out by its absence. Certificates are always
verified, so obstore's setting against that is not among these.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from collectionsync.artifacts.errors import ArtifactStoreConfigurationError, shown

ALIASES = {"s3a": "s3", "abfs": "az", "abfss": "az", "azure": "az", "adl": "az"}
"""Other schemes of the same stores."""

_PREFIXES = {"s3": "aws_", "gs": "google_", "az": "azure_"}
_CLIENT = (
    "allow_http",
    "connect_timeout",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "read_timeout",
    "root_certificate",
    "timeout",
)
_OPTIONS = {
    "s3": (
        "access_key_id",
        "checksum_algorithm",
        "conditional_put",
        "container_authorization_token_file",
        "container_credentials_full_uri",
        "container_credentials_relative_uri",
        "copy_if_not_exists",
        "default_region",
        "disable_bulk_delete",
        "disable_tagging",
        "endpoint",
        "endpoint_url_sts",
        "imdsv1_fallback",
        "metadata_endpoint",
        "region",
        "request_payer",
        "role_arn",
        "role_session_name",
        "s3_express",
        "secret_access_key",
        "server_side_encryption",
        "session_token",
        "skip_signature",
        "sse_bucket_key_enabled",
        "sse_customer_key_base64",
        "sse_kms_key_id",
        "unsigned_payload",
        "virtual_hosted_style_request",
        "web_identity_token_file",
    ),
    "gs": (
        "application_credentials",
        "base_url",
        "bearer_token",
        "service_account",
        "service_account_key",
        "skip_signature",
    ),
    "az": (
        "account_key",
        "account_name",
        "authority_host",
        "client_id",
        "client_secret",
        "credential_type",
        "disable_tagging",
        "encryption_key",
        "endpoint",
        "federated_token_file",
        "msi_endpoint",
        "msi_resource_id",
        "object_id",
        "sas_key",
        "skip_signature",
        "tenant_id",
        "token",
        "use_azure_cli",
        "use_emulator",
        "use_fabric_endpoint",
    ),
    "file": (),
}
# The prefix is off already.
_SYNONYMS = {
    "s3": {"endpoint_url": "endpoint", "endpoint_url_s3": "endpoint", "token": "session_token"},
    "gs": {"service_account_path": "service_account"},
    "az": {
        "access_key": "account_key",
        "authority_id": "tenant_id",
        "bearer_token": "token",
        "identity_endpoint": "msi_endpoint",
        "master_key": "account_key",
        "sas_token": "sas_key",
        **{
            f"storage_{name}": name
            for name in (
                "account_key",
                "account_name",
                "client_id",
                "client_secret",
                "endpoint",
                "sas_key",
                "tenant_id",
            )
        },
        "storage_access_key": "account_key",
        "storage_sas_token": "sas_key",
        "storage_token": "token",
        "storage_use_emulator": "use_emulator",
    },
    "file": {},
}
_KEYS = ("access_key_id", "secret_access_key")
_CERTIFICATE = {"ca.crt": "root_certificate"}  # as Secrets with certificates have it
_IN_THE_URL = {"bucket", "bucket_name", "container_name"}
_TRUE = {"1", "true", "on", "yes", "y"}
_FALSE = {"0", "false", "off", "no", "n"}
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_BARE_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """Settings by obstore's shortest names: of the store, and of its client. `endpoint` is where it is, if told."""

    options: Mapping[str, str]
    client: Mapping[str, str]
    endpoint: str | None

    def on(self, name: str) -> bool:
        """Whether a switch is on; one that is not there is off.

        Raises:
            ArtifactStoreConfigurationError: it is neither on nor off.
        """
        text = self.options.get(name, self.client.get(name, "false")).strip().lower()
        if text not in _TRUE | _FALSE:
            raise ArtifactStoreConfigurationError(f"the artifact store's setting {name} is neither true nor false")
        return text in _TRUE


def read_settings(scheme: str, given: Mapping[str, str]) -> Settings:
    """Return the settings of a store of this kind.

    Raises:
        ArtifactStoreConfigurationError: there is no such setting, one is there twice, or they do not fit. The message
            names keys, and never a value.
    """
    options: dict[str, str] = {}
    client: dict[str, str] = {}
    for key, value in given.items():
        name = _name(scheme, key)
        chosen = client if name in _CLIENT else options
        if name in chosen:
            raise ArtifactStoreConfigurationError(f"the artifact store's setting {name} is there twice: {shown(key)}")
        chosen[name] = value
    _check_pairs(scheme, options)
    if not all(_REGION.fullmatch(options.get(name, "a").strip()) for name in ("region", "default_region")):
        raise ArtifactStoreConfigurationError("the artifact store's region is none, such as eu-central-1")
    endpoint = _endpoint(Settings(options, client, None))
    if endpoint is not None:
        options["base_url" if scheme == "gs" else "endpoint"] = endpoint
    return Settings(options, client, endpoint)


def _check_pairs(scheme: str, options: Mapping[str, str]) -> None:
    for one, other in (_KEYS, _KEYS[::-1]):
        if scheme == "s3" and one in options and other not in options:
            raise ArtifactStoreConfigurationError(
                f"the artifact store's Secret has aws_{one}, and aws_{other} is missing beside it"
            )


def _name(scheme: str, key: str) -> str:
    name = _CERTIFICATE.get(key.lower(), key.lower())
    short = name.removeprefix(_PREFIXES.get(scheme, ""))
    for known in (name, short):
        known = _SYNONYMS[scheme].get(known, known)
        if known in _OPTIONS[scheme] or (known in _CLIENT and scheme != "file"):
            return known
    raise ArtifactStoreConfigurationError(_unknown(scheme, key, short))


def _unknown(scheme: str, key: str, short: str) -> str:
    if scheme == "file":
        return f"the artifact store is a folder, and takes no settings: {shown(key)} is one"
    if short in _IN_THE_URL:
        return f"the artifact store's setting {shown(key)} is no setting: the URL says it"
    # Imported here: only who makes a mistake needs it.
    from difflib import get_close_matches

    prefix = _PREFIXES[scheme]
    near = get_close_matches(short, (*_OPTIONS[scheme], *_CLIENT), cutoff=0.5)
    meant = ", ".join(name if name in _CLIENT else prefix + name for name in near)
    hint = f"; near it are {meant}" if near else ""
    return f"there is no setting {shown(key)} of an artifact store at {scheme}://{hint}"


def _endpoint(settings: Settings) -> str | None:
    """Return the endpoint in one spelling: scheme, host, a port that is not the scheme's own, and a path."""
    given = settings.options.get("endpoint", settings.options.get("base_url"))
    if given is None:
        return None
    try:
        split = urlsplit(given.strip())
        host, port = split.hostname or "", split.port
    except ValueError:
        host, port, split = "", None, urlsplit("")
    odd = split.query or split.fragment or "@" in split.netloc or not given.strip().isprintable()
    if split.scheme not in ("http", "https") or not host or odd:
        raise ArtifactStoreConfigurationError(
            "the artifact store's endpoint is no URL such as https://minio.example:9000, without credentials or query"
        )
    if split.scheme == "http" and not settings.on("allow_http"):
        raise ArtifactStoreConfigurationError(
            "the artifact store's endpoint is plain http, for everybody on the way to read; the setting allow_http says"
            " that this is meant"
        )
    if ":" in host:
        host = f"[{host}]"
    if not _BARE_HOST.fullmatch(host):
        raise ArtifactStoreConfigurationError("the artifact store's endpoint has a host that is no name or address")
    suffix = "" if port in (None, {"http": 80, "https": 443}[split.scheme]) else f":{port}"
    return f"{split.scheme}://{host}{suffix}{split.path.rstrip('/')}"
