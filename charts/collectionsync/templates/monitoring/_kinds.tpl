{{/*
Whether an object of this kind of prometheus-operator's is rendered: not empty if so. Takes the root and the kind. It fails
where `monitoring.ifMissing` says so and the cluster does not know the kind.
*/}}
{{- define "collectionsync.monitoring.isRendered" -}}
{{- $root := first . }}
{{- $kind := printf "monitoring.coreos.com/v1/%s" (last .) }}
{{- $ifMissing := $root.Values.monitoring.ifMissing }}
{{- if or (eq $ifMissing "render") ($root.Capabilities.APIVersions.Has $kind) }}
{{- "yes" }}
{{- else if eq $ifMissing "fail" }}
{{- fail (printf "monitoring.ifMissing: the cluster does not know %s: install prometheus-operator's definitions first, or choose skip" $kind) }}
{{- end }}
{{- end }}
