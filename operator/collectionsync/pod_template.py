"""What a resource may set on the pods of its Jobs: a list of what is allowed, never the whole pod.

Names and meanings are Kubernetes' own (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
Containers, volumes and security contexts are missing on purpose: they are the operator's.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

_LABEL = r"^([A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"
_DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

ObjectName = Annotated[str, Meta(pattern=_DNS_SUBDOMAIN, max_length=253, examples=["galaxy-mirror"])]
"""The name of a Kubernetes object; it can be a folder's name, too, and never leads out of its parent."""
_LabelName = Annotated[str, Meta(pattern=_LABEL, max_length=317, examples=["app.kubernetes.io/name"])]
_LabelValue = Annotated[str, Meta(max_length=63)]
_LabelMap = Annotated[dict[str, _LabelValue], Meta(max_length=64)]
_AnnotationMap = Annotated[dict[str, Annotated[str, Meta(max_length=65536)]], Meta(max_length=64)]
_Values = Annotated[
    tuple[_LabelValue, ...], Meta(max_length=64, description="What In and NotIn look for, and what Gt and Lt compare.")
]
_Weight = Annotated[int, Meta(ge=1, le=100, description="How much the preference weighs, from 1 to 100.")]


class Part(Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the resource: camelCase outside, unknown fields refused, never changed."""


class NodeOperator(StrEnum):
    """How a requirement on nodes compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


class LabelOperator(StrEnum):
    """How a requirement on labels compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class TolerationOperator(StrEnum):
    """How a toleration compares."""

    EQUAL = "Equal"
    EXISTS = "Exists"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class NodeRequirement(Part, frozen=True, kw_only=True):
    """A condition on a label or a field of a node."""

    key: Annotated[_LabelName, Meta(description="The label or field.")]
    operator: NodeOperator
    values: _Values = ()


_NodeRequirements = Annotated[tuple[NodeRequirement, ...], Meta(max_length=32)]


class NodeSelectorTerm(Part, frozen=True, kw_only=True):
    """Conditions on a node that have to hold all at once."""

    match_expressions: Annotated[_NodeRequirements, Meta(description="Conditions on labels of the node.")] = ()
    match_fields: Annotated[_NodeRequirements, Meta(description="Conditions on fields of the node.")] = ()


class NodeSelector(Part, frozen=True, kw_only=True):
    """Terms of which a node has to fulfil at least one."""

    node_selector_terms: Annotated[
        tuple[NodeSelectorTerm, ...],
        Meta(min_length=1, max_length=16, description="Terms of which a node has to fulfil at least one."),
    ]


class PreferredNode(Part, frozen=True, kw_only=True):
    """A term that a node had better fulfil, and how much that weighs."""

    weight: _Weight
    preference: NodeSelectorTerm


class NodeAffinity(Part, frozen=True, kw_only=True):
    """Nodes that the pod needs, or prefers."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNode, ...], Meta(max_length=16, description="Nodes that the pod prefers.")
    ] = ()


class LabelRequirement(Part, frozen=True, kw_only=True):
    """A condition on a label."""

    key: Annotated[_LabelName, Meta(description="The label.")]
    operator: LabelOperator
    values: _Values = ()


class LabelSelector(Part, frozen=True, kw_only=True):
    """Conditions on labels that have to hold all at once."""

    match_labels: Annotated[_LabelMap, Meta(description="Labels with the values that they must have.")] = {}
    match_expressions: Annotated[
        tuple[LabelRequirement, ...], Meta(max_length=32, description="Conditions on labels.")
    ] = ()


class PodAffinityTerm(Part, frozen=True, kw_only=True):
    """Pods, and what a node has to share with theirs."""

    topology_key: Annotated[_LabelName, Meta(description="The label of nodes whose value is shared, or is not.")]
    label_selector: Annotated[LabelSelector | None, Meta(description="The pods that are meant, by their labels.")] = (
        None
    )
    namespace_selector: Annotated[
        LabelSelector | None, Meta(description="The namespaces of those pods, by their labels.")
    ] = None
    namespaces: Annotated[
        tuple[ObjectName, ...],
        Meta(max_length=32, description="The namespaces of those pods, by name; the pod's own by default."),
    ] = ()


class PreferredPods(Part, frozen=True, kw_only=True):
    """A term that had better hold, and how much that weighs."""

    weight: _Weight
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Part, frozen=True, kw_only=True):
    """Pods that the pod has to be near, or away from."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodAffinityTerm, ...], Meta(max_length=16, description="Terms that all have to hold.")
    ] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredPods, ...], Meta(max_length=16, description="Terms that had better hold.")
    ] = ()


class Affinity(Part, frozen=True, kw_only=True):
    """Where the pod has to run, or had better run."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: Annotated[PodAffinity | None, Meta(description="Pods that the pod has to be near.")] = None
    pod_anti_affinity: Annotated[PodAffinity | None, Meta(description="Pods that the pod has to be away from.")] = None


class Toleration(Part, frozen=True, kw_only=True):
    """A taint of nodes that the pod bears; every taint, where only `operator: Exists` is given."""

    key: Annotated[str, Meta(max_length=317, description="The key of the taint; any key where it is empty.")] = ""
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: Annotated[_LabelValue, Meta(description="The value of the taint that Equal looks for.")] = ""
    effect: Annotated[TaintEffect | None, Meta(description="The effect of the taint; any without it.")] = None
    toleration_seconds: Annotated[
        int | None,
        Meta(
            description="How long a NoExecute taint is borne, in seconds; for ever without it.",
            extra_json_schema={"format": "int64"},
        ),
    ] = None


class ImagePullSecret(Part, frozen=True, kw_only=True):
    """A Secret that a registry of images wants."""

    name: Annotated[ObjectName, Meta(description="The name of the Secret.")]


class PodMetadata(Part, frozen=True, kw_only=True):
    """Labels and annotations that the pod gets besides the operator's own."""

    labels: Annotated[_LabelMap, Meta(description="Labels of the Job and its pods, such as Kueue's queue name.")] = {}
    annotations: Annotated[_AnnotationMap, Meta(description="Annotations of the pods.")] = {}


class PodTemplate(Part, frozen=True, kw_only=True):
    """What is set on the pods of the Jobs."""

    metadata: PodMetadata | None = None
    service_account_name: Annotated[
        ObjectName | None,
        Meta(description="The ServiceAccount of the pod, whose token is never mounted; the namespace's by default."),
    ] = None
    node_selector: Annotated[_LabelMap, Meta(description="Labels that a node must have to run the pod.")] = {}
    tolerations: Annotated[
        tuple[Toleration, ...], Meta(max_length=32, description="Taints of nodes that the pod bears.")
    ] = ()
    affinity: Affinity | None = None
    priority_class_name: Annotated[
        ObjectName | None, Meta(description="The PriorityClass of the pod; the cluster's default without it.")
    ] = None
    image_pull_secrets: Annotated[
        tuple[ImagePullSecret, ...],
        Meta(
            max_length=16,
            description="Secrets with which the image of the worker is pulled, in the same namespace.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
