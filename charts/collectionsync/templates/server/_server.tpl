{{/* The name of everything of the server: at most 55 characters, so that its Service for metrics has room for more. */}}
{{- define "collectionsync.server.name" -}}
{{- printf "%s-server" (include "collectionsync.fullname" . | trunc 48 | trimSuffix "-") }}
{{- end }}

{{- define "collectionsync.server.labels" -}}
{{- include "collectionsync.labelsOf" (list . "server") }}
{{- end }}

{{- define "collectionsync.server.selectorLabels" -}}
{{- include "collectionsync.selectorLabelsOf" (list . "server") }}
{{- end }}

{{/* Where the server is reached from within the cluster, without a last slash; no cluster's domain is part of it. */}}
{{- define "collectionsync.server.serviceURL" -}}
{{- $port := int .Values.server.service.port }}
{{- printf "http://%s.%s.svc%s" (include "collectionsync.server.name" .) .Release.Namespace (ternary "" (printf ":%d" $port) (eq $port 80)) }}
{{- end }}

{{/* The host of the Ingress. */}}
{{- define "collectionsync.server.ingressHost" -}}
{{- $public := default "" (urlParse .Values.server.publicURL).hostname }}
{{- required "server.ingress.host: name the host, or the whole URL in server.publicURL" (default $public .Values.server.ingress.host) }}
{{- end }}

{{/* The URL that clients reach the server by, as far as the values tell, without a last slash. */}}
{{- define "collectionsync.server.url" -}}
{{- with .Values.server }}
{{- if .publicURL }}
{{- trimSuffix "/" .publicURL }}
{{- else if .ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" .ingress.tls.enabled) (include "collectionsync.server.ingressHost" $) }}
{{- else }}
{{- include "collectionsync.server.serviceURL" $ }}
{{- end }}
{{- end }}
{{- end }}

{{/* The path below which the server has everything that clients ask for. */}}
{{- define "collectionsync.server.path" -}}
{{- default "/" (trimSuffix "/" (urlParse .Values.server.publicURL).path) }}
{{- end }}

{{/* The Secret that holds the URI of the server's database, and the key in it; as a mapping in JSON. */}}
{{- define "collectionsync.server.database" -}}
{{- $own := .Values.server.database.existingSecret }}
{{- $chart := .Values.database.existingSecret }}
{{- dict "name" (default $chart.name $own.name) "key" (default $chart.key $own.key) | toJson }}
{{- end }}

{{/* The names of the Secrets that the server reads, each once; as a list in JSON. */}}
{{- define "collectionsync.server.secrets" -}}
{{- $database := include "collectionsync.server.database" . | fromJson }}
{{- list $database.name .Values.artifacts.existingSecret .Values.server.access.existingSecret | compact | uniq | toJson }}
{{- end }}
