"""The Pod Security Standard `restricted`, so that a test can hold pods against it without a cluster.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator
from typing import Any

Fields = dict[str, Any]

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_PROFILES = {"RuntimeDefault", "Localhost"}


def violations(pod: Fields) -> list[str]:
    """Return what `restricted` has against a pod, given as metadata and spec; nothing where the pod is fit for it."""
    spec = pod["spec"]
    found = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    found += _of_context(spec.get("securityContext", {}), "pod")
    for volume in spec.get("volumes", []):
        found += [f"volume {kind}" for kind in volume if kind != "name" and kind not in _VOLUMES]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind, []):
            found += _of_container(container, spec.get("securityContext", {}))
    annotations = pod.get("metadata", {}).get("annotations", {})
    found += [f"annotation {key}" for key in annotations if key.startswith("container.apparmor.security.beta")]
    return found


def _of_container(container: Fields, pod: Fields) -> Iterator[str]:
    name, context = container["name"], container.get("securityContext", {})
    yield from _of_context(context, name)
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root"
    if context.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in _PROFILES:
        yield f"{name} has no seccomp profile"
    yield from _of_privileges(context, name)
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} has a port of the host"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if any(way.get("host") for way in container.get(probe, {}).values() if isinstance(way, dict)):
            yield f"{name} probes another host"


def _of_privileges(context: Fields, name: str) -> Iterator[str]:
    capabilities = context.get("capabilities", {})
    if context.get("privileged"):
        yield f"{name} is privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate its privileges"
    if context.get("procMount", "Default") != "Default":
        yield f"{name} has another /proc"
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name} keeps capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"


def _of_context(context: Fields, whose: str) -> Iterator[str]:
    if context.get("runAsUser") == 0:
        yield f"{whose} runs as root"
    if context.get("runAsNonRoot") is False:
        yield f"{whose} may run as root"
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
        yield f"{whose} has no seccomp profile"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
        yield f"{whose} has no AppArmor profile"
    options = context.get("seLinuxOptions", {})
    if options.get("type", "") not in _SELINUX_TYPES or options.get("user") or options.get("role"):
        yield f"{whose} sets SELinux options"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{whose} is a process of the host"
    if {each["name"] for each in context.get("sysctls", [])} - _SAFE_SYSCTLS:
        yield f"{whose} sets sysctls"
