{{- if and .Values.grafana.enabled .Values.grafana.defaultDatasourcesEnabled }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "stack.metadata" (list . "grafana-datasource") | nindent 2 }}
    grafana_datasource: "1"
data:
  datasource.yaml: |
    apiVersion: 1
    datasources:
      - name: Prometheus
        uid: prometheus
        type: prometheus
        access: proxy
        isDefault: true
        url: http://{{ include "stack.fullname" . }}-prometheus.{{ .Release.Namespace }}:9090/
{{- end }}
