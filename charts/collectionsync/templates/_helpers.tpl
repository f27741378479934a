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

{{/* The labels by which the Deployment knows its pods. The pods of Jobs have the same name, and another component. */}}
{{- define "collectionsync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "collectionsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* The labels of everything. */}}
{{- define "collectionsync.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "collectionsync.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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
