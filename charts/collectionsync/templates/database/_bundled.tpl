{{/*
The name of everything of the bundled PostgreSQL: at most 52 characters, since a StatefulSet's name has eleven more behind
it in a label of its pods.
*/}}
{{- define "collectionsync.bundled.name" -}}
{{- printf "%s-postgresql" (include "collectionsync.fullname" . | trunc 41 | trimSuffix "-") }}
{{- end }}

{{- define "collectionsync.bundled.image" -}}
{{- with .Values.database.bundled.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository .tag }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The password: the one that was chosen, else the one that an earlier revision of the release made, else a new one. It is
kept among the values, so that each object of this rendering has the same.
*/}}
{{- define "collectionsync.bundled.password" -}}
{{- $bundled := .Values.database.bundled }}
{{- if not $bundled.password }}
{{- $secret := lookup "v1" "Secret" .Release.Namespace .Values.database.existingSecret.name }}
{{- $kept := dig "data" "password" "" (default dict $secret) | b64dec }}
{{- $_ := set $bundled "password" (default (randAlphaNum 32) $kept) }}
{{- end }}
{{- $bundled.password }}
{{- end }}

{{/* The namespaces whose Jobs find the bundled PostgreSQL, besides the release's own; as a list in JSON. */}}
{{- define "collectionsync.bundled.namespaces" -}}
{{- without (concat .Values.operator.watchNamespaces .Values.database.bundled.namespaces | uniq) .Release.Namespace | toJson }}
{{- end }}
