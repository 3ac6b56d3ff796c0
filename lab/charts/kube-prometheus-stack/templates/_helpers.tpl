{{- define "stack.name" -}}
{{- default "kube-prometheus-stack" .Values.nameOverride -}}
{{- end }}

{{/* At most 26 characters: the operator puts more around it, and the sum has to be a valid label. */}}
{{- define "stack.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 26 | trimSuffix "-" -}}
{{- else if contains (include "stack.name" .) .Release.Name -}}
{{- .Release.Name | trunc 26 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "stack.name" .) | trunc 26 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "stack.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: "{{ .Chart.Version }}"
app.kubernetes.io/part-of: {{ include "stack.name" . }}
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name | quote }}
heritage: {{ .Release.Service | quote }}
{{- end }}

{{/* metadata of one object: (list ROOT "part") names it FULLNAME-part and gives it the label app: NAME-part. */}}
{{- define "stack.metadata" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
name: {{ include "stack.fullname" $root }}-{{ $part }}
namespace: {{ $root.Release.Namespace }}
labels:
  app: {{ include "stack.name" $root }}-{{ $part }}
  {{- include "stack.labels" $root | nindent 2 }}
{{- end }}

{{/* Which monitors or rules a Prometheus takes: all with the label of the release, or all there are. */}}
{{- define "stack.selector" -}}
{{- if index . 1 -}}
{matchLabels: {release: {{ (index . 0).Release.Name | quote }}}}
{{- else -}}
{}
{{- end -}}
{{- end }}
