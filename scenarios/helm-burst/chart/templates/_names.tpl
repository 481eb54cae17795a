{{- define "burst.labels" -}}
release: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "burst.template-labels" -}}
release: {{ .root.Release.Name }}
app: {{ .app }}
{{- end }}

{{/* A container that reads its image from disk and answers /ready. */}}
{{- define "burst.ready" -}}
readinessProbe:
  httpGet: { path: /ready, port: {{ . }} }
  periodSeconds: 2
  timeoutSeconds: 2
{{- end }}

{{- define "burst.empty" -}}
emptyDir: {{ if .Values.separateDisk }}{ medium: Memory }{{ else }}{}{{ end }}
{{- end }}
