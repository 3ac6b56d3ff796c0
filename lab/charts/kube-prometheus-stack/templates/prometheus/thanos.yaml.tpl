{{- if .Values.prometheus.enabled }}
{{- if .Values.prometheus.thanosService.enabled }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stack.metadata" (list . "thanos-discovery") | nindent 2 }}
spec:
  clusterIP: None
  ports:
    - {name: grpc, port: 10901, targetPort: grpc}
    - {name: http, port: 10902, targetPort: http}
  selector:
    app.kubernetes.io/name: prometheus
    operator.prometheus.io/name: {{ include "stack.fullname" . }}-prometheus
{{- end }}
{{- if .Values.prometheus.thanosServiceMonitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "thanos-sidecar") | nindent 2 }}
spec:
  endpoints:
    - port: http
      path: /metrics
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-thanos-discovery
      release: {{ .Release.Name | quote }}
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
{{- end }}
{{- with .Values.prometheus.thanosServiceExternal }}
{{- if .enabled }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stack.metadata" (list $ "thanos-external") | nindent 2 }}
spec:
  type: {{ .type }}
  {{- with .loadBalancerIP }}
  loadBalancerIP: {{ . }}
  {{- end }}
  ports:
    - {name: grpc, port: 10901, targetPort: grpc}
    - {name: http, port: 10902, targetPort: http}
  selector:
    app.kubernetes.io/name: prometheus
    operator.prometheus.io/name: {{ include "stack.fullname" $ }}-prometheus
{{- end }}
{{- end }}
{{- end }}
