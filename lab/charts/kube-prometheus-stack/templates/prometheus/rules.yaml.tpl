{{- if and .Values.prometheus.enabled .Values.defaultRules.create }}
{{- range $path, $content := .Files.Glob "rules/*.yaml" }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "stack.metadata" (list $ (base $path | trimSuffix ".yaml")) | nindent 2 }}
spec:
  {{- $content | toString | trimPrefix "---\n" | nindent 2 }}
{{- end }}
{{- end }}
