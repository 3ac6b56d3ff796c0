{{- if .Values.coreDns.enabled }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "stack.fullname" . }}-coredns
  namespace: kube-system
  labels:
    app: {{ include "stack.name" . }}-coredns
    jobLabel: coredns
    {{- include "stack.labels" . | nindent 4 }}
spec:
  clusterIP: None
  ports:
    - {name: http-metrics, port: {{ .Values.coreDns.service.port }}, targetPort: {{ .Values.coreDns.service.port }}}
  selector:
    {{- toYaml .Values.coreDns.service.selector | nindent 4 }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "coredns") | nindent 2 }}
spec:
  jobLabel: jobLabel
  endpoints:
    - port: http-metrics
      bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-coredns
      release: {{ .Release.Name | quote }}
  namespaceSelector:
    matchNames: [kube-system]
{{- end }}
