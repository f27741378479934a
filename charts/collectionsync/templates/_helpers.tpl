{{/* What the label app.kubernetes.io/name says. */}}
{{- define "collectionsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of what lives in the release's namespace. */}}
{{- define "collectionsync.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/*
The name of what lives outside the release's namespace, where other releases have theirs. The colon, which roles may
have and no namespace has, keeps "a-b" in "c" apart from "a" in "b-c".
*/}}
{{- define "collectionsync.farname" -}}
{{- printf "%s:%s" .Release.Namespace (include "collectionsync.fullname" .) }}
{{- end }}

{{/*
The labels by which a workload of the release knows its pods; takes the root and the component. The pods of Jobs have the
same name, and another component.
*/}}
{{- define "collectionsync.selectorLabelsOf" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ include "collectionsync.name" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{/* The labels of everything that belongs to a component; takes the root and the component. */}}
{{- define "collectionsync.labelsOf" -}}
{{- $root := first . -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "collectionsync.selectorLabelsOf" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Those of the operator, and of whatever belongs to no other component. */}}
{{- define "collectionsync.selectorLabels" -}}
{{- include "collectionsync.selectorLabelsOf" (list . "operator") }}
{{- end }}

{{- define "collectionsync.labels" -}}
{{- include "collectionsync.labelsOf" (list . "operator") }}
{{- end }}

{{/* The ServiceAccount of the operator. */}}
{{- define "collectionsync.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "collectionsync.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the ServiceAccount that serviceAccount.create: false says is there" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image of the operator and of its Jobs. */}}
{{- define "collectionsync.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The labels by which the pods of runs are known, whichever release started them. */}}
{{- define "collectionsync.workerLabels" -}}
app.kubernetes.io/name: collectionsync
app.kubernetes.io/component: worker
app.kubernetes.io/managed-by: collectionsync-operator
{{- end }}

{{/* The name of the pod of `helm test`, and of its account. */}}
{{- define "collectionsync.test.name" -}}
{{- printf "%s-test" (include "collectionsync.fullname" . | trunc 58 | trimSuffix "-") }}
{{- end }}
