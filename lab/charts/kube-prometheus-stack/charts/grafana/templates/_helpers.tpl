{{- define "grafana.metadata" -}}
name: {{ .Release.Name }}-grafana{{ .suffix }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "grafana.selector" . | nindent 2 }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "grafana.selector" -}}
app.kubernetes.io/name: grafana
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
