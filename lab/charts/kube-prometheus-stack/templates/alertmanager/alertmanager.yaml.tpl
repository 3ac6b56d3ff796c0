{{- if .Values.alertmanager.enabled }}
{{- $spec := .Values.alertmanager.alertmanagerSpec }}
---
apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata:
  {{- include "stack.metadata" (list . "alertmanager") | nindent 2 }}
spec:
  serviceAccountName: {{ include "stack.fullname" . }}-alertmanager
  portName: http-web
  externalUrl: http://{{ include "stack.fullname" . }}-alertmanager.{{ .Release.Namespace }}:9093
  {{- range $key, $value := $spec }}
  {{- if or (ne $key "storage") $value }}
  {{ $key }}: {{ $value | toJson }}
  {{- end }}
  {{- end }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "stack.metadata" (list . "alertmanager") | nindent 2 }}
---
apiVersion: v1
kind: Secret
metadata:
  name: alertmanager-{{ include "stack.fullname" . }}-alertmanager
  namespace: {{ .Release.Namespace }}
  labels:
    app: {{ include "stack.name" . }}-alertmanager
    {{- include "stack.labels" . | nindent 4 }}
data:
  alertmanager.yaml: {{ toYaml .Values.alertmanager.config | b64enc }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stack.metadata" (list . "alertmanager") | nindent 2 }}
    self-monitor: "{{ .Values.alertmanager.serviceMonitor.selfMonitor }}"
spec:
  ports:
    - {name: http-web, port: 9093, targetPort: 9093}
    - {name: reloader-web, port: 8080, targetPort: reloader-web}
  selector:
    app.kubernetes.io/name: alertmanager
    alertmanager: {{ include "stack.fullname" . }}-alertmanager
{{- if .Values.alertmanager.serviceMonitor.selfMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "alertmanager") | nindent 2 }}
spec:
  endpoints:
    - port: http-web
      path: /metrics
    - port: reloader-web
      path: /metrics
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-alertmanager
      release: {{ .Release.Name | quote }}
      self-monitor: "true"
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
{{- end }}
{{- end }}
