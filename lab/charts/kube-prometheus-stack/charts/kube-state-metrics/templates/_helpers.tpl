{{- define "kube-state-metrics.metadata" -}}
name: {{ .Release.Name }}-kube-state-metrics
namespace: {{ .Release.Namespace }}
labels:
  {{- include "kube-state-metrics.labels" . | nindent 2 }}
{{- end }}

{{- define "kube-state-metrics.labels" -}}
{{- include "kube-state-metrics.selector" . }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: kube-state-metrics
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: "{{ .Chart.AppVersion }}"
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
{{- end }}

{{- define "kube-state-metrics.selector" -}}
app.kubernetes.io/name: kube-state-metrics
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
