{{/* A rule for TCP: `side` is from or to, `peers` are anybody where they are empty, `ports` are numbers or names. */}}
{{- define "collectionsync.networkPolicy.rule" -}}
{{- with .peers -}}
{{ $.side }}:
  {{- toYaml . | nindent 2 }}
{{ end -}}
ports:
  {{- range .ports }}
  - port: {{ . }}
  {{- end }}
{{- end }}

{{/* The rule that lets names be resolved. */}}
{{- define "collectionsync.networkPolicy.dns" -}}
{{- with .Values.networkPolicy.dns.to -}}
to:
  {{- toYaml . | nindent 2 }}
{{ end -}}
ports:
  {{- range .Values.networkPolicy.dns.ports }}
  - port: {{ . }}
    protocol: UDP
  - port: {{ . }}
    protocol: TCP
  {{- end }}
{{- end }}
