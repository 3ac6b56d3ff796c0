{{- define "node-exporter.metadata" -}}
name: {{ .Release.Name }}-prometheus-node-exporter
namespace: {{ .Release.Namespace }}
labels:
  {{- include "node-exporter.labels" . | nindent 2 }}
{{- end }}

{{- define "node-exporter.labels" -}}
{{- include "node-exporter.selector" . }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: prometheus-node-exporter
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: "{{ .Chart.AppVersion }}"
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
jobLabel: node-exporter
release: {{ .Release.Name }}
{{- end }}

{{- define "node-exporter.selector" -}}
app.kubernetes.io/name: prometheus-node-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
