"""The components of a node: how each one is run. Their files are written here; they are started elsewhere."""

import base64
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testcluster import network
from testcluster.certificates import Authority, Pair
from testcluster.network import Cable
from testcluster.packages import search_path
from testcluster.state import cgroup_name

NODE_NAME = "node"
PAUSE_IMAGE = "localhost/pause:1"
DOMAIN = "cluster.local"

_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


@dataclass(frozen=True)
class Component:
    """One program and how it is run."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)

    def as_line(self) -> str:
        """What the node's first process is told."""
        return json.dumps({"name": self.name, "command": list(self.command), "environment": self.environment})


@dataclass(frozen=True)
class Layout:
    """Where everything of one node is: what it writes, its programs, its addresses and its keys."""

    state: Path
    binaries: Path
    addons: Path
    packages: Path
    cable: Cable
    authority: Authority

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{self.cable.node}:6443"

    @property
    def runtime_socket(self) -> Path:
        """Where the container runtime listens."""
        return self.state / "containerd.sock"

    @property
    def proxy_health(self) -> tuple[str, int]:
        """Where kube-proxy says whether its rules are in force."""
        return self.cable.node, 10256

    @property
    def isolation_socket(self) -> Path:
        """Where network policies are put in force for a pod that is about to start."""
        return self.state / "isolation.sock"

    def component(self, name: str, *flags: str) -> Component:
        """A component that takes its flags as Kubernetes' and etcd's do."""
        places = (self.binaries, self.addons, self.packages / "usr/bin", self.packages / "usr/sbin")
        program = next((place / name for place in places if (place / name).exists()), Path(name))
        environment = {"PATH": search_path(*places), "HOME": str(self.state), "LC_ALL": "C.UTF-8"}
        return Component(name, [str(program), *flags], environment)

    def write(self, name: str, content: str | dict[str, Any]) -> str:
        """Write a file of the node's; its path."""
        path = self.state / name
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return str(path)

    def kubeconfig(self, user: str, *, group: str | None = None) -> str:
        """A file with which this user of the cluster reaches it."""
        return self.write(f"kubeconfigs/{user}", kubeconfig(self, self.authority.client(user, group=group)))


def kubeconfig(layout: Layout, pair: Pair, *, context: str = "node") -> dict[str, Any]:
    """What a client has to know, all in one."""
    cluster = {"server": layout.server, "certificate-authority-data": _encoded(layout.authority.certificate)}
    user = {"client-certificate-data": _encoded(pair.certificate), "client-key-data": _encoded(pair.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": user}],
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def etcd(layout: Layout) -> Component:
    """The store, in memory: what is written there is not to survive anything."""
    flags = {
        "name": NODE_NAME,
        "data-dir": "/run/etcd",
        "listen-client-urls": _ETCD,
        "advertise-client-urls": _ETCD,
        "listen-peer-urls": _ETCD_PEER,
        "initial-advertise-peer-urls": _ETCD_PEER,
        "initial-cluster": f"{NODE_NAME}={_ETCD_PEER}",
        "log-level": "warn",
        "logger": "zap",
    }
    component = layout.component("etcd", *_flags(flags))
    # etcd 3.4 is packaged for more machines than its authors support.
    component.environment["ETCD_UNSUPPORTED_ARCH"] = {"aarch64": "arm64"}.get(platform.machine(), "")
    return component


def apiserver(layout: Layout) -> Component:
    """The API server."""
    node = layout.cable.node
    hosts = ["127.0.0.1", node, network.API_SERVICE, "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    serving = layout.authority.server("apiserver", hosts=hosts)
    to_kubelet = layout.authority.client("kube-apiserver", group="system:masters")
    tokens = layout.authority.signing_key("service-accounts")
    flags = {
        "etcd-servers": _ETCD,
        "bind-address": "0.0.0.0",
        "secure-port": "6443",
        "advertise-address": node,
        "client-ca-file": layout.authority.certificate,
        "tls-cert-file": serving.certificate,
        "tls-private-key-file": serving.key,
        "kubelet-client-certificate": to_kubelet.certificate,
        "kubelet-client-key": to_kubelet.key,
        "kubelet-certificate-authority": layout.authority.certificate,
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": tokens.certificate,
        "service-account-signing-key-file": tokens.key,
        "service-cluster-ip-range": network.SERVICES,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "profiling": "false",
    }
    return layout.component("kube-apiserver", *_flags(flags))


def controller_manager(layout: Layout) -> Component:
    """The controllers, each with the rights of its own service account only."""
    flags = {
        "kubeconfig": layout.kubeconfig("system:kube-controller-manager"),
        "service-account-private-key-file": layout.state / "keys/service-accounts.key",
        "root-ca-file": layout.authority.certificate,
        "use-service-account-credentials": "true",
        "kube-api-qps": "500",  # else it spends four seconds of its start on waiting for its own limit
        "kube-api-burst": "500",
        "node-monitor-period": "200ms",  # how often it looks whether pods may be put on the node
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
    }
    return layout.component("kube-controller-manager", *_flags(flags))


def scheduler(layout: Layout) -> Component:
    """The scheduler."""
    flags = {
        "kubeconfig": layout.kubeconfig("system:kube-scheduler"),
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
    }
    return layout.component("kube-scheduler", *_flags(flags))


def proxy(layout: Layout) -> Component:
    """What makes Services out of rules for packets."""
    address, port = layout.proxy_health
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": layout.kubeconfig("system:kube-proxy")},
        "mode": "iptables",
        "clusterCIDR": network.PODS,
        "hostnameOverride": NODE_NAME,
        "bindAddress": layout.cable.node,
        "healthzBindAddress": f"{address}:{port}",
        "iptables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
        # The machine's own settings, which cannot be written from here.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
    }
    return layout.component("kube-proxy", f"--config={layout.write('kube-proxy.yaml', config)}")


def names(layout: Layout) -> Component:
    """What resolves the names of Services and pods. Others do not exist: nothing outside can be reached."""
    corefile = _COREFILE.format(node=layout.cable.node, domain=DOMAIN, kubeconfig=layout.kubeconfig("coredns"))
    return layout.component("coredns", "-conf", layout.write("Corefile", corefile))


def policies(layout: Layout) -> Component:
    """What decides by network policies on the packets that the node's rules queue."""
    flags = {
        "kubeconfig": layout.kubeconfig("network-policies"),
        "node": NODE_NAME,
        "queue": network.POLICY_QUEUE,
        "socket": layout.isolation_socket,
    }
    return layout.component("network-policies", *_flags(flags))


def volumes(layout: Layout) -> Component:
    """What gives folders of the node's to those who claim volumes."""
    flags = {"kubeconfig": layout.kubeconfig("volumes"), "node": NODE_NAME, "folder": layout.state / "volumes"}
    return layout.component("volumes", *_flags(flags))


def containerd(layout: Layout, *, snapshotter: str, isolates: bool) -> Component:
    """The container runtime, with the plugins for the pods' network: Debian's and, where `isolates`, the addons'."""
    layout.write(
        "cni/pods.conflist", network.cni_config(isolation_socket=layout.isolation_socket if isolates else None)
    )
    plugins = layout.state / "cni-plugins"
    plugins.mkdir()
    for program in [*(layout.packages / "usr/lib/cni").iterdir(), layout.addons / "isolation"]:
        (plugins / program.name).symlink_to(program)
    config = _CONTAINERD.format(
        state=layout.state, packages=layout.packages, pause=PAUSE_IMAGE, snapshotter=snapshotter
    )
    return layout.component("containerd", "--config", layout.write("containerd.toml", config))


def kubelet(layout: Layout) -> Component:
    """The kubelet."""
    node, state = layout.cable.node, layout.state
    serving = layout.authority.server("kubelet", hosts=[node, NODE_NAME])
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "containerRuntimeEndpoint": f"unix://{layout.runtime_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup_name(state)}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [node],
        "clusterDomain": DOMAIN,
        "resolvConf": "/dev/null",
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": str(state / "pod-logs"),
        "volumePluginDir": str(state / "volume-plugins"),
    }
    flags = {
        "config": layout.write("kubelet.yaml", config),
        "kubeconfig": layout.kubeconfig(f"system:node:{NODE_NAME}", group="system:nodes"),
        "hostname-override": NODE_NAME,
        "node-ip": node,
        "root-dir": state / "kubelet",
    }
    return layout.component("kubelet", *_flags(flags))


def _flags(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


_COREFILE = """\
{domain} in-addr.arpa {{
  bind {node}
  errors
  kubernetes {{
    kubeconfig {kubeconfig}
    pods verified
    ttl 1
  }}
}}
. {{
  bind {node}
  errors
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""

_CONTAINERD = """\
version = 2
root = "{state}/containerd"
state = "/run/containerd"
# Nothing of this node needs them, and one of them makes a folder in /opt.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{state}/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without it, no pod starts where this machine's root may not lower the score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{state}/cni-plugins"
    conf_dir = "{state}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{packages}/usr/sbin/runc"
"""
